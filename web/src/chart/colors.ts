// colors.ts - the colours of arms: Okabe and Ito's, which people of all eyes tell apart; style.css has them for light and dark.
const COUNT = 8;
export const armColor = (index: number): string => `--c${index % COUNT}`;

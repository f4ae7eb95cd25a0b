// css.d.ts - styles are imported for the bundler.
declare module "*.css";

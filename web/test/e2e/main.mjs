// main.mjs - the page in a real browser against a real server: node main.mjs FOLDER_OF_PROGRAMS BUNDLE_OF_RUNS [PART...]
//
// Parts are door, paper, jobs, submit, machine and look; without, all of them.
// Exit status 77, and why, without a browser.
import { existsSync } from "node:fs";

if (!existsSync("/usr/bin/chromium")) {
  console.log("SKIPPED: there is no chromium; tools/dev setup installs it");
  process.exit(77);
}
const parts = process.argv.slice(4);
for (const part of parts.length ? parts : ["door", "paper", "jobs", "submit", "machine", "look"]) {
  await import(`./${part}.test.mjs`);
}

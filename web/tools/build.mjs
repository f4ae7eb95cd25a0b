// build.mjs - bundles the page: node tools/build.mjs OUT_DIRECTORY
//
// Writes OUT/index.html and OUT/assets/NAME-HASH.*; what was there before is removed.
// OUT.inputs.json names the files that are in the bundle.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const web = dirname(dirname(fileURLToPath(import.meta.url)));
const out = process.argv[2] ?? join(web, "dist");

rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, "assets"), { recursive: true });
const result = await build({
  entryPoints: { page: join(web, "src/main.tsx") },
  absWorkingDir: web,
  outdir: join(out, "assets"),
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2021", "chrome100", "firefox100", "safari15"],
  jsx: "automatic",
  jsxImportSource: "preact",
  loader: { ".woff2": "file" },
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});

const made = Object.keys(result.metafile.outputs).map((path) => basename(path));
const find = (ending) => made.find((name) => name.endsWith(ending));
const names = { script: find(".js"), style: find(".css"), font: find(".woff2") };
const html = readFileSync(join(web, "src/index.html"), "utf8").replace(/\{\{(\w+)\}\}/g, (_, key) => names[key]);
writeFileSync(join(out, "index.html"), html);
writeFileSync(`${out}.inputs.json`, JSON.stringify(Object.keys(result.metafile.inputs), null, 1) + "\n");

// What holds of every view: accessible by axe-core's rules, nothing wider than the screen, dark and light, in print.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { address, browser, goTo, newPage, normlab, open, submit } from "./fixture.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const [{ job_id: ended }] = submit("--trials", "6", "--units", "12", "--label", "seen=yes");
normlab("watch", ended);

const press = (name) => (page) => page.getByRole("button", { name }).first().click();
async function select(page) {
  await page.getByRole("grid").focus();
  await page.keyboard.press("Control+a");
  await press("Priority and labels")(page);
}
// Where, what is there when it is ready, and what is done first.
const VIEWS = [
  ["#/paper/layer-norm-2016?budget=quick", "a.paper-item .verdict"],
  ["#/paper/layer-norm-2016/convnets?budget=quick", ".results"],
  ["#/jobs", ".grid-row"],
  ["#/jobs/j2", "[data-series] canvas"],
  ["#/compare?jobs=j1,j2,j5,j6", "[data-series] canvas"],
  ["#/submit/mnist_mlp", ".form-row"],
  ["#/machine", ".shares"],
  [`#/jobs/${ended}`, ".log", press("Show the log")],
  [`#/jobs/${ended}?with=form`, ".change .chips", press("Priority and labels")],
  ["#/jobs?label=seen%3Dyes", ".change .chips", select],
];

async function show(page, [hash, ready, act]) {
  await goTo(page, hash);
  await act?.(page);
  await page.locator(ready).first().waitFor();
}

// Fields without a label of their own: what axe takes for one, a placeholder, goes away when somebody types.
const unlabelled = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll("input, select, textarea")]
      .filter((field) => ![...field.labels].some((label) => label.innerText.trim()) && !field.ariaLabel?.trim())
      .map((field) => field.outerHTML.slice(0, 160)),
  );

// axe is run in the page by the debugger, which no policy of the page concerns.
async function violations(page) {
  await page.evaluate(axe);
  const { violations: found } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  return found.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 160)).join(" | ")}`);
}

for (const colorScheme of ["light", "dark"]) {
  test(`every view passes axe-core, ${colorScheme}`, async (t) => {
    const page = await open(t, "#/paper", { colorScheme });
    for (const view of VIEWS) {
      await show(page, view);
      assert.deepEqual(await violations(page), [], view[0]);
      assert.deepEqual(await unlabelled(page), [], view[0]);
    }
  });
}

test("the door passes axe-core, and its field has a label", async (t) => {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await newPage(context);
  await page.goto(address);
  await page.getByRole("button", { name: "Open" }).waitFor();
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(await unlabelled(page), []);
});

for (const [width, height] of [
  [320, 640],
  [768, 1024],
  [3840, 2160],
]) {
  test(`nothing is wider than a screen of ${width}`, async (t) => {
    const page = await open(t, "#/paper", { viewport: { width, height } });
    for (const view of VIEWS) {
      await show(page, view);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(over <= 0, `${view[0]} is wider by ${over}`);
    }
  });
}

test("the theme is the system's until somebody chooses, and stays chosen", async (t) => {
  const page = await open(t, "#/paper", { colorScheme: "dark" });
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  assert.equal(await theme(), "dark");
  await page.getByRole("button", { name: "Light colours" }).click();
  assert.equal(await theme(), "light");
  await page.reload();
  assert.equal(await theme(), "light");
});

test("in print there are no controls, and every claim stands on the page", async (t) => {
  const page = await open(t, VIEWS[1][0]);
  await page.locator(VIEWS[1][1]).waitFor();
  await page.emulateMedia({ media: "print" });
  assert.ok(!(await page.locator(".bar").isVisible()));
  assert.ok(!(await page.getByRole("button", { name: "LaTeX" }).isVisible()));
  assert.equal(await page.locator("li.claim").count(), 6);
  assert.ok((await page.pdf()).length > 20_000);
});

test("the first paint is told", async (t) => {
  const page = await open(t, "#/paper");
  await page.reload();
  await page.getByRole("button", { name: "Open" }).waitFor();
  const paint = await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  t.diagnostic(`first contentful paint after ${Math.round(await paint.jsonValue())} ms`);
});

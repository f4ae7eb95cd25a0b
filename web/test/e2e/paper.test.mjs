// Papers: verdicts at a glance, an item's figure and table, and its plan carried out while one watches.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { call, open } from "./fixture.mjs";

const ITEM = "#/paper/layer-norm-2016/convnets?budget=quick";

test("the overview tallies the verdicts of each item", async (t) => {
  const page = await open(t, "#/paper/layer-norm-2016?budget=quick");
  const row = page.locator("a.paper-item", { hasText: "Convolutional networks" });
  await row.getByText("Direction holds").waitFor();
  assert.match(await row.innerText(), /24 runs/);
  const shown = await row.locator(".verdict b").allInnerTexts();
  assert.equal(
    shown.map(Number).reduce((a, b) => a + b),
    6,
    "the item's claims",
  );
  await row.click();
  await page.getByRole("heading", { name: "Convolutional networks", level: 1 }).waitFor();
});

test("an item shows what the table has: verdict, estimate and interval of each claim", async (t) => {
  const page = await open(t, ITEM);
  const claim = page.locator("li.claim").first();
  await claim.waitFor();
  assert.equal(await claim.getAttribute("data-verdict"), "DIRECTION_ONLY");
  assert.match(await claim.innerText(), /0\.71 \[0\.62, 0\.81\]/);
  await claim.getByText("How it was judged").click();
  assert.match(await claim.innerText(), /Holm/);
  const table = page.getByRole("region", { name: "Table of results" });
  assert.match(await table.getByRole("row", { name: /^BatchNorm/ }).innerText(), /11\.20 \u00b1 0\.29/);
});

test("a figure hides arms, changes axes, shows values under the pointer and by keys, and zooms", async (t) => {
  const page = await open(t, ITEM);
  const chart = page.locator("figure.chart").first();
  await chart.waitFor();
  const canvas = chart.locator(".u-over");
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + 40);
  const tip = chart.locator(".tip.on");
  await tip.filter({ hasText: /Baseline.*LayerNorm/ }).waitFor();
  await page.getByRole("group", { name: "Arms shown" }).getByRole("button", { name: "Baseline" }).click();
  await page.mouse.move(box.x + box.width / 3, box.y + 50);
  await tip.filter({ hasText: "BatchNorm", hasNotText: "Baseline" }).waitFor();

  await chart.locator(".canvas").focus();
  await page.keyboard.press("End");
  assert.match(await chart.locator("[aria-live]").innerText(), /6: .*LayerNorm/);
  await page.keyboard.press("+");
  await chart.getByRole("button", { name: "Show all" }).waitFor();
  await page.keyboard.press("Escape");
  await chart.getByRole("button", { name: "Show all" }).waitFor({ state: "detached" });

  await page.mouse.move(box.x + 40, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + 160, box.y + 60, { steps: 4 });
  await page.mouse.up();
  await chart.getByRole("button", { name: "Show all" }).click();
  await page.getByRole("button", { name: "Log x" }).click();
  await page.getByRole("group", { name: "Vertical axes" }).getByRole("button", { name: "Log", exact: true }).click();
  await chart.locator(".u-over").waitFor();
});

test("a table is saved as LaTeX", async (t) => {
  const page = await open(t, ITEM);
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "LaTeX" }).click()]);
  assert.equal(file.suggestedFilename(), "layer-norm-2016-convnets-quick-table.tex");
  assert.match(await readFile(await file.path(), "utf8"), /\\toprule/);
});

test("one button runs what a budget lacks, and verdicts come in as runs end", async (t) => {
  const page = await open(t, "#/paper/layer-norm-2016/invariances?budget=smoke");
  await page.getByRole("button", { name: /^Run what is missing/ }).click();
  await page.getByText("Everything that this budget needs is stored.").waitFor();
  await page.locator('.claim[data-verdict="REPRODUCED"]').nth(23).waitFor();
  assert.match(await page.locator(".tally").first().innerText(), /24\s*Reproduced/);
  const { jobs } = await call("JobService/ListJobs", { labels: { item: "invariances", budget: "smoke" }, page_size: 1000 });
  assert.equal(jobs.length, 36);
  assert.ok(jobs.every((job) => job.state === "JOB_STATE_SUCCEEDED" && job.labels.paper === "layer-norm-2016"));
});

// Every item of the papers that come along can run; a manifest of one's own may hold another.
test("an item that is not run says why", async (t) => {
  const notRun = ({ papers }) => {
    const { items } = papers.find((paper) => paper.paper_id === "rms-norm-2019");
    items.find((item) => item.item_id === "attentive_reader").not_run = "no such experiment here";
  };
  const page = await open(t, "#/paper/rms-norm-2019/attentive_reader", { answers: { "PaperService/ListPapers": notRun } });
  await page.locator(".warn-box", { hasText: "Not run: no such experiment here" }).waitFor();
});

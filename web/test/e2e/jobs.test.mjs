// Jobs: the list, what is done to jobs, one job's curves, several side by side; and a hundred thousand of them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { call, normlab, open } from "./fixture.mjs";

const rows = (page) => page.locator(".grid-row:not(.group)");
const submit = (...args) => JSON.parse(normlab("submit", "invariance", ...args, "--json"));

test("filters, words, order and groups", async (t) => {
  const page = await open(t, "#/jobs");
  await rows(page).first().waitFor();
  await page.getByLabel("Experiment").selectOption("convnet");
  await page.getByText("24 jobs", { exact: true }).waitFor();
  await page.getByRole("searchbox", { name: "Search" }).fill("norm=layer seed=3");
  await page.getByText(/^2 of 24 jobs$/).waitFor();
  assert.equal(await rows(page).count(), 2);
  await page.getByRole("searchbox", { name: "Search" }).fill("");
  await page.getByLabel("Group by").selectOption("label:arm");
  await page.locator(".grid-row.group").nth(3).waitFor();
  assert.match(await page.locator(".grid-row.group").first().innerText(), /6 succeeded/);
  await page.getByLabel("Group by").selectOption("");
  await page.getByLabel("Sort").selectOption("oldest");
  await page.locator(".grid-row .mono").first().filter({ hasText: /^j1$/ }).waitFor();
  await page.getByRole("group", { name: "States" }).getByRole("button", { name: "failed" }).click();
  await page.getByText("No job is like this.").waitFor();
});

test("the list is worked by keys, and a selection is compared", async (t) => {
  const page = await open(t, "#/jobs?experiment=convnet&sort=oldest");
  await rows(page).nth(3).waitFor();
  await page.getByText("24 jobs", { exact: true }).waitFor();
  await page.getByRole("grid").focus();
  await page.keyboard.press(" ");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press(" ");
  await page.getByText("2 jobs selected").waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("article", { name: "Job j2" }).waitFor();
  await page.getByRole("button", { name: "Compare" }).click();
  await page.getByRole("heading", { name: "Comparison" }).waitFor();
  const table = page.getByRole("region", { name: "Comparison" });
  await table.getByRole("link", { name: "j1", exact: true }).waitFor();
  await page.locator("[data-series] canvas").first().waitFor();
});

test("a job shows curves, configuration and facts; a long curve says how much of it is shown, and zooming reads it again", async (t) => {
  const [{ job_id: id }] = await submitted(["--trials", "3000", "--units", "8"]);
  await ended(id);
  const page = await open(t, `#/jobs/${id}`);
  const series = page.locator('[data-series="identity/norm_growth"]');
  await series.scrollIntoViewIfNeeded();
  const points = series.locator(".points");
  await points.filter({ hasText: /^(1,000|\d{3}) of 3,000 points shown$/ }).waitFor();
  await series.locator(".u-over").scrollIntoViewIfNeeded();
  const box = await series.locator(".u-over").boundingBox();
  const asked = page.waitForRequest((r) => r.url().endsWith("ReadCurve") && r.postDataJSON().from_step !== undefined);
  await page.mouse.move(box.x + box.width * 0.5, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 40, { steps: 5 });
  await page.mouse.up();
  const { from_step, to_step } = (await asked).postDataJSON();
  assert.ok(Math.abs(Number(to_step) - Number(from_step) - 300) < 30, `${from_step} to ${to_step}`);
  await points.filter({ hasText: /^(29|30|31|32)\d points$/ }).waitFor();
  await page.getByRole("button", { name: /^All \d+ fields/ }).click();
  const detail = page.getByRole("article", { name: `Job ${id}` });
  assert.match(await detail.innerText(), /weight_scale/);
  assert.match(await detail.innerText(), /Fingerprint/);
});

const submitted = async (args) => {
  const answer = submit(...args);
  return (answer.jobs ?? answer).map((entry) => entry.job ?? entry);
};
async function ended(id) {
  normlab("watch", id);
  const { job } = await call("JobService/GetJob", { job_id: id });
  assert.equal(job.state, "JOB_STATE_SUCCEEDED");
}

test("a job is followed live, cancelled, resumed and deleted", async (t) => {
  const [{ job_id: id }] = await submitted(["--trials", "1000000", "--units", "8"]);
  const page = await open(t, `#/jobs/${id}`);
  const detail = page.getByRole("article", { name: `Job ${id}` });
  await detail.getByText("running", { exact: true }).waitFor();
  await detail.getByRole("button", { name: "Cancel" }).click();
  await detail.getByText("cancelled", { exact: true }).waitFor();
  await detail.getByRole("button", { name: "Resume" }).click();
  const next = page.getByRole("article").filter({ hasNotText: new RegExp(`^${id}\\b`) });
  await page.waitForURL((url) => /#\/jobs\/j\d+$/.test(url.hash) && !url.hash.endsWith(`/${id}`));
  await next.getByText("running", { exact: true }).waitFor();
  await next.getByRole("button", { name: "Cancel" }).click();
  await next.getByText("cancelled", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete for ever" }).click();
  await page.waitForURL((url) => url.hash === "#/jobs");
  await page.getByText(/is deleted$/).waitFor();
});

test("a selection is cancelled together", async (t) => {
  const [first] = await submitted(["--trials", "1000000", "--units", "9"]);
  await submitted(["--trials", "999999", "--seeds", "1-5", "--label", "many=yes"]);
  const page = await open(t, "#/jobs?label=many%3Dyes");
  await rows(page).nth(4).waitFor();
  await page.getByRole("grid").focus();
  await page.keyboard.press("Control+a");
  await page.getByRole("button", { name: "Cancel 5" }).click();
  await page.locator(".state.s-cancelled").nth(5).waitFor();
  const { jobs } = await call("JobService/ListJobs", { labels: { many: "yes" } });
  assert.ok(jobs.every((job) => job.state === "JOB_STATE_CANCELLED"));
  await call("JobService/CancelJob", { request_id: crypto.randomUUID(), job_id: first.job_id });
});

// The server's pages are made up here, of 100,000 jobs that differ in number and seed.
async function serveMany(page, count) {
  const { jobs } = await call("JobService/ListJobs", { experiment: "convnet", page_size: 1 });
  const job = { ...jobs[0], facts: {}, labels: {}, spec: { convnet: {} } };
  await page.route("**/JobService/ListJobs", (route) => {
    const { page_size = 50, page_token = "" } = route.request().postDataJSON();
    const from = page_token ? Number(page_token) : count;
    const until = Math.max(0, from - page_size);
    const numbers = Array.from({ length: from - until }, (_, i) => String(from - i));
    const made = numbers.map((n) => ({ ...job, job_id: `j${n}`, spec: { ...job.spec, seed: n } }));
    return route.fulfill({ json: { jobs: made, next_page_token: until > 0 ? String(until) : "" } });
  });
}

test("of a hundred thousand jobs only those on the screen are in the page", async (t) => {
  const page = await open(t, "#/machine");
  await serveMany(page, 100_000);
  await page.evaluate(() => (location.hash = "#/jobs?sort=oldest"));
  await page.getByText("100,000 jobs", { exact: true }).waitFor();
  await page.locator(".grid-row .mono").first().waitFor();
  const grid = page.getByRole("grid");
  for (const share of [0.25, 0.5, 0.9, 1]) {
    await grid.evaluate((element, to) => (element.scrollTop = to * element.scrollHeight), share);
    const index = String(Math.max(2, Math.floor(share * 99_990)));
    await page.waitForFunction(
      (least) =>
        [...document.querySelectorAll(".grid-row")].some((row) => Number(row.ariaRowIndex ?? row.getAttribute("aria-rowindex")) >= least),
      Number(index),
    );
    assert.ok((await page.locator(".grid-row").count()) < 80);
  }
  assert.equal(await grid.getAttribute("aria-rowcount"), "100001");
  await page.getByLabel("Group by").selectOption("configuration");
  await page.locator(".grid-row.group").waitFor();
  assert.equal(await grid.evaluate((element) => element.scrollTop), 0, "another order begins at the top");
  await page.getByRole("searchbox", { name: "Search" }).fill("seed=77777");
  await page.getByText("1 of 100,000 jobs", { exact: true }).waitFor();
});

// Jobs: the list, what is done to jobs, one job's curves, several side by side; and a hundred thousand of them.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { call, normlab, open, submit } from "./fixture.mjs";

const rows = (page) => page.locator(".grid-row:not(.group)");

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
  const [{ job_id: id }] = submit("--trials", "3000", "--units", "8");
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

async function ended(id) {
  normlab("watch", id);
  const { job } = await call("JobService/GetJob", { job_id: id });
  assert.equal(job.state, "JOB_STATE_SUCCEEDED");
}

test("a job is followed live, cancelled, resumed and deleted", async (t) => {
  const [{ job_id: id }] = submit("--trials", "1000000", "--units", "8");
  const page = await open(t, `#/jobs/${id}`);
  const detail = page.getByRole("article", { name: `Job ${id}` });
  await inState(detail, "running");
  await detail.getByRole("button", { name: "Cancel" }).click();
  await inState(detail, "cancelled");
  await detail.getByRole("button", { name: "Resume" }).click();
  const next = page.getByRole("article").filter({ hasNotText: new RegExp(`^${id}\\b`) });
  await page.waitForURL((url) => /#\/jobs\/j\d+$/.test(url.hash) && !url.hash.endsWith(`/${id}`));
  await inState(next, "running");
  await next.getByRole("link", { name: id, exact: true }).waitFor();
  const attempt = next.getByRole("region", { name: "Attempts" }).getByRole("row", { name: /under way$/ });
  assert.doesNotMatch(await attempt.innerText(), /\t0 to /, "it begins where the other one stopped");
  await next.getByRole("button", { name: "Cancel" }).click();
  await inState(next, "cancelled");
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete for ever" }).click();
  await page.waitForURL((url) => url.hash === "#/jobs");
  await page.getByText(/is deleted$/).waitFor();
});

// A job's own state; its attempts have one each.
const inState = (detail, state) => detail.locator(".state", { hasText: new RegExp(`^${state}$`) }).first().waitFor();

// The requests of one method that the page sends from now on.
function requests(page, method) {
  const sent = [];
  page.on("request", (request) => request.url().endsWith(`JobService/${method}`) && sent.push(request.postDataJSON()));
  return sent;
}

async function selectAll(page, count) {
  await rows(page)
    .nth(count - 1)
    .waitFor();
  await page.getByRole("grid").focus();
  await page.keyboard.press("Control+a");
  await page.getByText(`${count} jobs selected`).waitFor();
}

test("a selection is changed, cancelled, resumed and deleted together, by one call each", async (t) => {
  const [first] = submit("--trials", "1000000", "--units", "9");
  submit("--trials", "999999", "--seeds", "1-5", "--label", "many=yes", "--label", "draft=1");
  const jobsNow = async () => (await call("JobService/ListJobs", { labels: { many: "yes" } })).jobs;
  const page = await open(t, "#/jobs?label=many%3Dyes");
  await selectAll(page, 5);
  await page.getByRole("button", { name: "Priority and labels" }).click();
  const form = page.getByRole("form", { name: "Change 5 jobs" });
  const button = form.getByRole("button", { name: "Change 5 jobs" });
  assert.ok(await button.isDisabled(), "there is nothing to change yet");
  await form.getByLabel("Labels to set").fill("kind");
  await form.getByText("kind is no label; write NAME=VALUE").waitFor();
  assert.ok(await button.isDisabled());
  await form.getByLabel("Labels to set").fill("kind=wide");
  await form.getByLabel("Priority, higher runs first").fill("7");
  await form.getByRole("group", { name: "Labels to remove" }).getByRole("button", { name: "draft" }).click();
  const updates = requests(page, "UpdateJobs");
  await button.click();
  await page.getByText("5 jobs changed.").waitFor();
  assert.equal(updates.length, 2, "one for labels, one for the priority");
  for (const job of await jobsNow()) {
    assert.equal(job.priority, 7);
    assert.deepEqual(job.labels, { many: "yes", kind: "wide" });
  }

  await selectAll(page, 5);
  const [cancels, resumes, deletions] = ["CancelJobs", "ResumeJobs", "DeleteJobs"].map((method) => requests(page, method));
  await page.getByRole("button", { name: "Cancel 5" }).click();
  await page.locator(".grid-row .state.s-cancelled").nth(4).waitFor();
  await selectAll(page, 5);
  // The answer to the first request is lost, and asked for again: no job is resumed twice.
  await page.route("**/JobService/ResumeJobs", async (route) => (await route.fetch(), await route.abort()), { times: 1 });
  await page.getByRole("button", { name: "Resume 5" }).click();
  await page.locator(".grid-row .state.s-queued").nth(4).waitFor();
  assert.equal((await jobsNow()).length, 10);
  while (resumes.length < 2) await page.waitForTimeout(20); // the list may know of the jobs before the answer is missed
  assert.equal(resumes[0].request_id, resumes[1].request_id);
  await selectAll(page, 10);
  await page.getByRole("button", { name: "Cancel 5" }).click();
  await page.locator(".grid-row .state.s-cancelled").nth(9).waitFor();
  await selectAll(page, 10);
  await page.getByRole("button", { name: "Delete 10" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete for ever" }).click();
  await page.getByText("No job is like this.").waitFor();
  assert.deepEqual(await jobsNow(), []);
  assert.deepEqual([cancels.length, deletions.length], [2, 1]);
  await call("JobService/CancelJob", { request_id: crypto.randomUUID(), job_id: first.job_id });
});

test("what could not be done to a job of a selection is told, and the job stays selected", async (t) => {
  submit("--trials", "999998", "--seeds", "1-3", "--label", "race=yes");
  const page = await open(t, "#/jobs?label=race%3Dyes");
  await selectAll(page, 3);
  const { jobs } = await call("JobService/ListJobs", { labels: { race: "yes" } });
  const taken = jobs.at(-1).job_id;
  // Another window is quicker.
  await page.route("**/JobService/CancelJobs", async (route) => {
    await call("JobService/CancelJob", { request_id: crypto.randomUUID(), job_id: taken });
    await route.continue();
  });
  await page.getByRole("button", { name: "Cancel 3" }).click();
  const refusal = page.getByRole("alert");
  await refusal.getByText("2 jobs told to stop. 1 job was not:").waitFor();
  assert.match(await refusal.innerText(), new RegExp(`job ${taken} is CANCELL`));
  await page.getByText("1 job selected").waitFor();
  await refusal.getByRole("button", { name: "Close" }).click();
  await refusal.waitFor({ state: "detached" });
});

test("a job's log is followed to its end, and saved", async (t) => {
  const [{ job_id: id }] = submit("--trials", "1000000", "--units", "10");
  const page = await open(t, `#/jobs/${id}`);
  const detail = page.getByRole("article", { name: `Job ${id}` });
  await inState(detail, "running");
  assert.equal(await page.getByRole("log").count(), 0, "closed until somebody asks");
  await detail.getByRole("button", { name: "Show the log" }).click();
  const log = page.getByRole("log", { name: `Log of ${id}` });
  await log.getByText(`job_leased job=${id} attempt=1`).waitFor();
  await detail.getByText(/^\d+ lines?; new ones follow as they are written$/).waitFor();
  await detail.getByRole("button", { name: "Cancel" }).click();
  await detail.getByText(/^\d+ lines; no more will come$/).waitFor();
  const [file] = await Promise.all([page.waitForEvent("download"), detail.getByRole("button", { name: "Save" }).last().click()]);
  assert.equal(file.suggestedFilename(), `${id}.log`);
  const saved = await readFile(await file.path(), "utf8");
  assert.equal(saved.trim().split("\n").length, await log.locator("> div").count());
  assert.match(saved, new RegExp(`worker-1 info job_leased job=${id}`));
});

test("of a long log the last lines are shown, at its end until somebody looks further up", async (t) => {
  const line = (n) => ({ time: "2026-01-02T03:04:05Z", source: "worker-1", text: `${n === 2500 ? "warning" : "info"} line ${n}` });
  const events = Array.from({ length: 50 }, (_, i) => ({ lines: Array.from({ length: 50 }, (_, j) => line(50 * i + j + 1)) }));
  const page = await open(t, "#/jobs/j3");
  await page.route("**/JobService/ReadLog", (route) =>
    route.fulfill({
      contentType: "text/event-stream",
      body: `${events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("")}event: end\ndata:\n\n`,
    }),
  );
  await page.getByRole("button", { name: "Show the log" }).click();
  await page.getByText("The last 1,000 of 2,500 lines; no more will come").waitFor();
  const log = page.getByRole("log");
  assert.equal(await log.locator("> div").count(), 1000);
  assert.equal(await log.locator("strong").innerText(), "warning");
  const fromEnd = await log.evaluate((box) => box.scrollHeight - box.clientHeight - box.scrollTop);
  assert.ok(fromEnd < 2, `${fromEnd} pixels from the end`);
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

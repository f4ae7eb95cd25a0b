// Submit: the form says what is wrong beside each field, what a sweep would queue, and queues it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { call, normlab, open } from "./fixture.mjs";

test("a wrong value is told beside its field, and nothing can be submitted", async (t) => {
  const page = await open(t, "#/submit/invariance");
  const field = page.getByLabel("trials", { exact: true });
  await field.fill("0");
  await page.locator(".wrong").first().waitFor();
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  assert.match(await page.locator(".wrong").first().innerText(), /0/);
  assert.ok(await page.getByRole("button", { name: /^Submit / }).isDisabled());
  await field.fill("many");
  await page
    .locator(".wrong", { hasText: /many|number|integer/i })
    .first()
    .waitFor();
});

test("a sweep is shown before it is queued, then queued with its labels", async (t) => {
  const page = await open(t, "#/submit/invariance");
  await page.getByRole("group", { name: "norm" }).getByRole("button", { name: "batch" }).click();
  await page.getByRole("group", { name: "norm" }).getByRole("button", { name: "layer" }).click();
  await page.getByLabel("trials", { exact: true }).fill("3, 4");
  await page.getByLabel("Seeds").fill("1-3");
  await page.getByLabel("Labels").fill("study=sweep");
  await page.getByLabel("Priority, higher runs first").fill("5");
  const aside = page.getByRole("complementary", { name: "What will be queued" });
  await aside.getByText("norm=batch trials=3 seed=2").waitFor();
  await page.getByRole("button", { name: "Submit 12 jobs" }).click();
  await page.getByRole("heading", { name: "Jobs" }).waitFor();
  const { jobs } = await call("JobService/ListJobs", { labels: { study: "sweep" } });
  assert.equal(jobs.length, 12);
  assert.ok(jobs.every((job) => job.priority === 5 && job.spec.invariance.precision === "PRECISION_DOUBLE"));
  assert.equal(new Set(jobs.map((job) => `${job.spec.seed} ${job.spec.invariance.norm} ${job.spec.invariance.trials}`)).size, 12);
  normlab("watch", ...jobs.map((job) => job.job_id));

  await page.evaluate(() => (location.hash = "#/submit/invariance"));
  await page.getByLabel("trials", { exact: true }).fill("3");
  await aside.getByText(/of which 1 is stored/).waitFor();
});

test("one like it starts from a job's own fields", async (t) => {
  const { jobs } = await call("JobService/ListJobs", { experiment: "convnet", page_size: 1 });
  const page = await open(t, `#/jobs/${jobs[0].job_id}`);
  await page.getByRole("link", { name: "Submit one like it" }).click();
  await page.getByRole("heading", { name: "Fields of convnet" }).waitFor();
  assert.equal(await page.getByLabel("train_images", { exact: true }).inputValue(), String(jobs[0].spec.convnet.train_images));
  assert.equal(await page.getByLabel("Seeds").inputValue(), jobs[0].spec.seed);
});

test("who may only look is offered nothing else", async (t) => {
  const page = await open(t, "#/paper/layer-norm-2016/convnets?budget=paper", { role: "viewer" });
  await page.getByText("Your token lets you look, not run.").waitFor();
  assert.ok(await page.getByRole("button", { name: /^Run what is missing/ }).isDisabled());
  await page.evaluate(() => (location.hash = "#/submit/invariance"));
  await page.getByText("Your token lets you look, not submit.").waitFor();
  await page.evaluate(() => (location.hash = "#/jobs/j1"));
  await page.getByRole("link", { name: "Submit one like it" }).waitFor();
  await page.getByText("Your token lets you look at results, not at logs").waitFor();
  for (const name of ["Delete", "Priority and labels", "Show the log"])
    assert.equal(await page.getByRole("button", { name }).count(), 0, name);
});

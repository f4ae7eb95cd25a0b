// Machine: who works, what waits and why, the disk, and what a token may see of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { call, normlab, open, submit } from "./fixture.mjs";

const tile = (page, name) => page.locator(".tile", { hasText: name });

test("the machine shows who works, what waits and what comes next", async (t) => {
  const ids = submit("--trials", "1000000", "--seeds", "1-3").map((job) => job.job_id);
  ids.push(...submit("--trials", "999000", "--seeds", "1", "--priority", "4").map((job) => job.job_id));
  const page = await open(t, "#/machine");
  const workers = page.getByRole("region", { name: "Workers" });
  await workers.getByText("running", { exact: true }).waitFor();
  await workers.getByText("kept by the server").waitFor();
  await workers.getByRole("link", { name: ids[0], exact: true }).waitFor();
  await tile(page, "Workers busy").getByText("1 of 1").waitFor();
  await tile(page, "Workers busy").getByText("the server keeps 1 slot").waitFor();
  const queue = page.getByRole("region", { name: "Queue" });
  assert.deepEqual(await queue.locator("tbody tr").allInnerTexts(), ["invariance\t4\t1", "invariance\t0\t2"]);
  await page.getByText(`Next is ${ids[3]}, invariance trials=999000 seed=1.`).waitFor();
  normlab("cancel", ...ids);
  await page.getByText("The queue is empty.").waitFor();
  await tile(page, "Workers busy").getByText("0 of 1").waitFor();
  await workers.getByText("the queue is empty").waitFor();
});

test("the queue is held back and let go", async (t) => {
  const page = await open(t, "#/machine");
  await page.getByRole("button", { name: "Let no job begin" }).click();
  await page.getByText("No job begins: the server holds the queue back.").waitFor();
  const [{ job_id: id }] = submit("--trials", "7", "--units", "11");
  await page.getByText(`Next is ${id}, invariance `).waitFor();
  await page.getByRole("region", { name: "Workers" }).getByText("the server drains: no job begins").waitFor();
  assert.equal((await call("JobService/GetJob", { job_id: id })).job.state, "JOB_STATE_QUEUED");
  await page.getByRole("button", { name: "Let jobs begin" }).click();
  await page.getByText("The queue is empty.").waitFor();
  normlab("watch", id);
  assert.equal((await call("AdminService/GetStatus", {})).draining, false);
});

test("the disk, the last backup and the store's health are told", async (t) => {
  const page = await open(t, "#/machine");
  const server = page.locator("section", { has: page.getByRole("heading", { name: "Server", exact: true }) });
  await server.getByText("none; make one: normlab admin backup").waitFor();
  normlab("admin", "backup");
  await server.getByText(/\d+s ago, \d+ jobs, .*backups/).waitFor();
  normlab("admin", "scrub");
  await server.getByText(/ago, everything is whole; the next one in/).waitFor();
  const disk = page.locator("section", { has: page.getByRole("heading", { name: "Disk", exact: true }) });
  for (const part of ["Database", "Checkpoints", "Files of jobs", "Free on the disk"])
    assert.match(await disk.locator(".figures > div", { hasText: part }).innerText(), /\d (B|[KMGT]iB)$/, part);
  const { jobs } = await call("AdminService/GetStatus", {});
  const succeeded = jobs.find((counted) => counted.state === "JOB_STATE_SUCCEEDED").count;
  await server.getByRole("link", { name: `${succeeded} succeeded` }).click();
  await page.waitForURL((url) => url.hash === "#/jobs?state=succeeded");
});

test("damage is told before anything else", async (t) => {
  const damaged = (status) => {
    status.scrub = { ...status.scrub, damaged: "1", damage: ["curve train/nll of j2: a piece has another checksum"] };
  };
  const page = await open(t, "#/machine", { answers: { "AdminService/GetStatus": damaged } });
  await page.locator(".error-box", { hasText: "curve train/nll of j2: a piece has another checksum" }).waitFor();
});

test("what a token may not see is said, and the rest is shown", async (t) => {
  const page = await open(t, "#/paper", { role: "viewer" });
  const error = { status: "PERMISSION_DENIED", code: 7, message: "a viewer may not do this", details: [] };
  await page.route("**/AdminService/GetStatus", (route) => route.fulfill({ status: 403, json: { error } }));
  await page.evaluate(() => (location.hash = "#/machine"));
  await page.getByText("Your token does not let you see the server and its disk.").waitFor();
  await page.getByRole("region", { name: "Workers" }).waitFor();
  assert.equal(await page.getByRole("alert").count(), 0);
  assert.equal(await page.getByRole("button", { name: "Let no job begin" }).count(), 0);
});

// How a page gets in, and what it says when it does not.
import assert from "node:assert/strict";
import { test } from "node:test";
import { address, browser, enter, link, newPage, open, submit, token } from "./fixture.mjs";

test("the link opens the page once and leaves no code behind", async (t) => {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await newPage(context);
  await page.goto(link);
  await page.getByRole("heading", { name: "Layer Normalization" }).waitFor();
  assert.ok(!page.url().includes("t="), page.url());
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  assert.ok(!kept.includes(token()), "the token is in memory alone");

  const again = await newPage(context);
  await again.goto(link);
  await again.getByRole("button", { name: "Open" }).waitFor();
  assert.match(await again.locator(".warn-box").innerText(), /./, "it says why not");
});

test("a wrong token is refused, the right one opens", async (t) => {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await newPage(context);
  await page.goto(address);
  const input = page.getByLabel("Or paste a link");
  await input.fill("wrong");
  await page.getByRole("button", { name: "Open" }).click();
  await page.locator(".warn-box, .error-box").first().waitFor();
  await input.fill(token());
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Layer Normalization" }).waitFor();
});

// What the browser says of a page that nobody looks at.
const setHidden = (page, hidden) =>
  page.evaluate((to) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => to });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
const isWatch = (request) => request.url().endsWith("JobService/WatchJobs");

test("a page that nobody looks at holds no connection, and one whose server was away goes on", async (t) => {
  const page = await open(t, "#/jobs");
  const live = page.locator(".live");
  await live.getByText("Live").waitFor();
  const [ended] = await Promise.all([page.waitForEvent("requestfailed", isWatch), setHidden(page, true)]);
  assert.equal(ended.failure().errorText, "net::ERR_ABORTED");
  await page.route("**/JobService/ListJobs", (route) => route.abort());
  await setHidden(page, false);
  await live.getByText("Server away").waitFor();
  await page.unroute("**/JobService/ListJobs");
  await live.getByText("Live", { exact: true }).waitFor();
  const [{ job_id: id }] = submit("--trials", "5", "--units", "13");
  await page.locator(".grid-row", { hasText: id }).waitFor();
});

test("a page whose token is refused asks for another, and then lives on", async (t) => {
  const page = await open(t, "#/machine");
  const error = { status: "UNAUTHENTICATED", code: 16, message: "the token is unknown", details: [] };
  await page.route("**/v1/**", (route) => route.fulfill({ status: 401, json: { error } }));
  await page.getByText("The server does not know this page's token any more.").waitFor();
  await page.unroute("**/v1/**");
  await enter(page);
  await page.locator(".live").getByText("Live", { exact: true }).waitFor();
  await page.evaluate(() => (location.hash = "#/jobs"));
  const [{ job_id: id }] = submit("--trials", "5", "--units", "14");
  await page.locator(".grid-row", { hasText: id }).waitFor();
});

test("where somebody goes as soon as the page is there, it goes", async (t) => {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await newPage(context);
  await page.goto(address);
  await page.evaluate(() => {
    const watcher = new MutationObserver(() => {
      if (!document.querySelector("nav")) return;
      watcher.disconnect();
      location.hash = "#/machine";
    });
    watcher.observe(document, { childList: true, subtree: true });
  });
  await enter(page);
  await page.locator("nav a[aria-current=page]", { hasText: "Machine" }).waitFor();
});

test("a job that comes while the page opens is in its list", async (t) => {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await newPage(context);
  await page.goto(`${address}#/jobs`);
  const known = ["ListPapers", "ListExperiments"].map((name) => page.waitForResponse(`**/${name}`));
  let job;
  await page.route("**/JobService/ListJobs", async (route) => {
    const isForTheList = "states" in route.request().postDataJSON();
    if (!isForTheList && !job) {
      // Before the page knows which changes it will hear of; a list that it read now would lack the job.
      await Promise.all(known);
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100))));
      [job] = submit("--trials", "5", "--units", "15");
    }
    await route.continue();
  });
  await enter(page);
  await page.locator(".grid-row").first().waitFor();
  await page.locator(".grid-row", { hasText: job.job_id }).waitFor();
});

// How a page gets in, and what it says when it does not.
import assert from "node:assert/strict";
import { test } from "node:test";
import { address, browser, link, token } from "./fixture.mjs";

test("the link opens the page once and leaves no code behind", async (t) => {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(link);
  await page.getByRole("heading", { name: "Layer Normalization" }).waitFor();
  assert.ok(!page.url().includes("t="), page.url());
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  assert.ok(!kept.includes(token()), "the token is in memory alone");

  const again = await context.newPage();
  await again.goto(link);
  await again.getByRole("button", { name: "Open" }).waitFor();
  assert.match(await again.locator(".warn-box").innerText(), /./, "it says why not");
});

test("a wrong token is refused, the right one opens", async (t) => {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(address);
  const input = page.getByLabel("Or paste a link");
  await input.fill("wrong");
  await page.getByRole("button", { name: "Open" }).click();
  await page.locator(".warn-box, .error-box").first().waitFor();
  await input.fill(token());
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Layer Normalization" }).waitFor();
});

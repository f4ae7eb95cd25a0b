// fixture.mjs - one real normlabd with imported runs and one Chromium, shared by all tests of a run.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import assert from "node:assert/strict";
import { after } from "node:test";
import { chromium } from "playwright-core";

export const CHROMIUM = "/usr/bin/chromium"; // Debian's

const [, , bin, bundle] = process.argv;
const home = mkdtempSync(join(tmpdir(), "normlab-page-"));
const environment = { ...process.env, NORMLAB_HOME: home };

// The server's first line that is a link to the page.
function linkOf(server) {
  return new Promise((resolve, reject) => {
    let text = "";
    server.stdout.on("data", (data) => {
      text += data;
      const link = /http:\/\/\S+#t=\S+/.exec(text);
      if (link) resolve(link[0]);
    });
    server.once("exit", (code) => reject(new Error(`normlabd ended with ${code} before it served`)));
  });
}

const server = spawn(
  join(bin, "normlabd"),
  ["--home", home, "--http", "127.0.0.1:0", "--slots", "1", "--print-link", "--role-token", "viewer"],
  {
    env: environment,
    stdio: ["ignore", "pipe", "inherit"],
  },
);
export const link = await linkOf(server);
export const address = link.slice(0, link.indexOf("#"));
export const token = (role) => readFileSync(join(home, role ? `run/tokens/${role}` : "run/token"), "utf8").trim();
export const normlab = (...args) => execFileSync(join(bin, "normlab"), args, { env: environment, encoding: "utf8" });
normlab("import", bundle);

export const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
after(async () => {
  await browser.close();
  const gone = new Promise((done) => server.once("exit", done));
  server.kill("SIGTERM");
  await gone;
  rmSync(home, { recursive: true, force: true });
});

// A call as the page makes it.
export async function call(method, request) {
  const response = await fetch(`${address}v1/${method}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token()}` },
    body: JSON.stringify(request),
  });
  assert.equal(response.status, 200, `${method}: ${await response.clone().text()}`);
  return response.json();
}

// However busy the machine is.
export async function newPage(context) {
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  return page;
}

// A page that went through the door with the token, at `hash`. What the console says against it fails the test; a call
// that the server refuses is no such thing. `answers`: by method, what to change in the server's answers.
export async function open(t, hash, { role, answers = {}, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await newPage(context);
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !message.text().startsWith("Failed to load resource"))
      complaints.push(message.text());
  });
  t.after(async () => {
    await context.close();
    assert.deepEqual(complaints, [], "nothing is said on the console");
  });
  for (const [method, change] of Object.entries(answers)) {
    await page.route(`**/v1/${method}`, async (route) => {
      const response = await route.fetch();
      const json = await response.json();
      change(json);
      await route.fulfill({ response, json });
    });
  }
  await page.goto(address);
  await enter(page, role);
  await page.getByRole("navigation", { name: "Views" }).waitFor();
  await goTo(page, hash);
  return page;
}

// Through the door with the token.
export async function enter(page, role) {
  await page.getByLabel("Or paste a link").fill(token(role));
  await page.getByRole("button", { name: "Open" }).click();
}

// Jobs as `normlab submit invariance` makes them: small, or so long that they run until somebody cancels them.
export function submit(...args) {
  const answer = JSON.parse(normlab("submit", "invariance", ...args, "--json"));
  return (answer.jobs ?? answer).map((entry) => entry.job ?? entry);
}

export async function goTo(page, hash) {
  await page.evaluate((to) => (location.hash = to), hash);
}

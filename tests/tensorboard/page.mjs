// page.mjs - TensorBoard's page in Debian's Chromium: node page.mjs WEB ADDRESS FOLDER_FOR_PICTURES
//
// WEB is the folder whose node_modules holds playwright-core. Fails unless charts, pictures and the table of hyperparameters
// are drawn from what the server holds.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

const [, , web, address, folder] = process.argv;
const { chromium } = createRequire(join(web, "package.json"))("playwright-core");

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  const page = await browser.newPage({ viewport: { width: 1500, height: 1000 } });
  page.setDefaultTimeout(60_000);
  const failed = [];
  page.on("response", (answer) => {
    if (answer.status() >= 400) failed.push(`${answer.status()} ${answer.url()}`);
  });

  await page.goto(`${address}#timeseries`);
  await page.locator("scalar-card").first().waitFor();
  // Below a chart stand the values of its runs.
  await page.locator("scalar-card").first().getByText(/\/seed=\d+\/j\d+/).first().waitFor();
  await page.locator("scalar-card").first().getByText(/0\.\d\d/).first().waitFor();
  await page.screenshot({ path: join(folder, "timeseries.png") });

  await page.goto(`${address}#images`);
  await page.reload();
  const picture = page.locator("tf-image-loader img").first();
  await picture.waitFor();
  await page.waitForFunction(() => {
    const find = (root) => {
      for (const element of root.querySelectorAll("*")) {
        if (element.tagName === "IMG" && element.naturalWidth > 50) return true;
        if (element.shadowRoot && find(element.shadowRoot)) return true;
      }
      return false;
    };
    return find(document);
  });
  await page.screenshot({ path: join(folder, "images.png") });

  await page.goto(`${address}#hparams`);
  await page.reload();
  await page.getByText("TABLE VIEW").first().waitFor();
  await page.getByText("batch_size").first().waitFor();
  await page.screenshot({ path: join(folder, "hparams.png") });
  assert.deepEqual(failed, []);
  console.log(`looked at in Chromium: charts, pictures and hyperparameters; see ${folder}`);
} finally {
  await browser.close();
}

// SPDX-License-Identifier: MIT
// node explorer.mjs CHROMIUM URL SCREENSHOT: opens the explorer in headless Chromium, types a query with completion,
// runs it, and says what stood on the page: {rows, panel, completed, docs, problems, foreign}.
import { chromium } from "playwright-core";

const [executablePath, url, screenshot] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1500, height: 900 } });
const problems = [];
const foreign = [];
page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
page.on("response", async (answer) => {
  if (answer.status() >= 400) problems.push(`${answer.status()} ${answer.url()}: ${await answer.text().catch(() => "")}`);
});
page.on("pageerror", (error) => problems.push(String(error)));
page.on("request", (request) => {
  if (!request.url().startsWith(new URL(url).origin) && !request.url().startsWith("data:")) foreign.push(request.url());
});

await page.goto(url, { waitUntil: "networkidle" });
const editor = page.locator(".graphiql-query-editor .CodeMirror");
await editor.waitFor({ timeout: 30000 });

// A query typed by hand, with a field taken from the completion list.
await editor.click();
await page.keyboard.press("Control+A");
await page.keyboard.press("Delete");
await page.keyboard.type("query Mine { facil", { delay: 30 });
await page.waitForSelector(".CodeMirror-hints", { timeout: 30000 });
const completed = await page.locator(".CodeMirror-hint").allTextContents();
await page.keyboard.press("Escape");
await page.evaluate(() =>
  document.querySelector(".graphiql-query-editor .CodeMirror").CodeMirror.setValue(
    "query Mine { facilities { code status { online dataFreshness { ageSeconds isStale region } } } }",
  ),
);
// The page takes over what the text holds a moment after it changed; until then it would ask for the operation's old name.
await page.waitForFunction(
  () => document.querySelector(".graphiql-query-editor .CodeMirror").CodeMirror.operationName === "Mine", null, { timeout: 30000 });
await page.locator(".graphiql-execute-button").click();
await page.waitForFunction(
  () => document.querySelector(".result-window")?.textContent.includes('"facilities"'), null, { timeout: 30000 });
await page.waitForSelector(".meridian-freshness", { timeout: 30000 });
await page.locator(".meridian-part summary").first().click();
const panel = await page.locator(".meridian-panel").innerText();
const rows = await page.evaluate(() => document.querySelector(".graphiql-response .CodeMirror").CodeMirror.getValue());
await page.screenshot({ path: screenshot });

// The schema's documentation stands beside it.
await page.locator('button[aria-label*="Documentation Explorer"]').first().click();
await page.waitForSelector(".graphiql-doc-explorer", { timeout: 30000 });
const docs = await page.locator(".graphiql-doc-explorer").innerText();
await browser.close();
console.log(JSON.stringify({ rows, panel, completed, docs, problems, foreign }));

// Looks at every page in a real browser: on a desk in light and dark, and on a phone. Prints what is wrong, one line each,
// and ends with 1 if anything is. Run by tests/it/web/browser.rs, which serves the pages; by hand:
//
//   node look.mjs '{"base": "http://127.0.0.1:9464", "browser": "/usr/bin/chromium", "folder": "/tmp/pages",
//     "pages": [{"name": "status", "path": "/", "status": 200, "texts": []}]}'
import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const { base, browser: executablePath, folder, pages } = JSON.parse(process.argv[2]);

const SCREENS = [
  { name: "light", viewport: { width: 1280, height: 900 }, colorScheme: "light" },
  { name: "dark", viewport: { width: 1280, height: 900 }, colorScheme: "dark" },
  { name: "phone", viewport: { width: 360, height: 740 }, colorScheme: "light", isMobile: true, hasTouch: true },
  { name: "phone-dark", viewport: { width: 360, height: 740 }, colorScheme: "dark", isMobile: true, hasTouch: true },
];

const problems = [];
mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
let looked = 0;
// Side by side: most of it is waiting.
await Promise.all(SCREENS.map(async (screen) => {
  const { name: on, ...options } = screen;
  const context = await browser.newContext(options);
  for (const wanted of pages) {
    const page = await context.newPage();
    const tell = (problem) => problems.push(`${wanted.name}, ${on}: ${problem}`);
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(`${base}/`) && !url.startsWith("data:image/")) tell(`asks for ${url}`);
    });
    page.on("requestfailed", (request) => tell(`cannot load ${request.url()}: ${request.failure()?.errorText}`));
    page.on("response", (response) => {
      const expected = response.url() === base + wanted.path ? wanted.status : 200;
      if (response.url().startsWith(base) && response.status() !== expected) {
        tell(`${response.url()} answers ${response.status()}`);
      }
    });
    page.on("dialog", (dialog) => { tell(`shows a dialog: ${dialog.message()}`); dialog.dismiss(); });
    page.on("pageerror", (error) => tell(`runs a script: ${error}`));
    page.on("console", (message) => {
      // The browser itself says of an answer of 4xx that it could not be loaded.
      if (message.type() === "error" && wanted.status < 400) tell(`console: ${message.text()}`);
    });
    await page.goto(base + wanted.path, { waitUntil: "load" });
    await page.screenshot({ path: join(folder, `${wanted.name}-${on}.png`), fullPage: true });

    const seen = await page.evaluate(() => ({
      hostile: typeof window.hostile,
      scripts: document.scripts.length + document.querySelectorAll("[onerror], [onload], [onclick], iframe, object, embed, base").length,
      text: document.body.innerText,
      wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      images: [...document.images].map((image) => image.src),
    }));
    if (seen.hostile !== "undefined" || seen.scripts > 0) tell("holds a script");
    if (seen.images.length > 0) tell(`shows images: ${seen.images}`);
    if (seen.wide > 0) tell(`is ${seen.wide} px wider than the screen`);
    for (const text of wanted.texts) {
      if (!seen.text.includes(text)) tell(`does not show ${JSON.stringify(text)}`);
    }

    // Each width and each colour once: looking through a page takes seconds.
    const { violations } = ["light", "phone-dark"].includes(on) ? await audit(page) : { violations: [] };
    for (const violation of violations) {
      const where = violation.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} (${node.failureSummary})`);
      tell(`axe: ${violation.id}: ${violation.help}: ${where.join(" | ")}`);
    }
    if (on === "light") await tabThrough(page, tell);
    if (on === "light" && wanted.name === "breaks") {
      // As it stands, with every field that was left empty.
      await page.click("main form button");
      if (!(await page.title()).includes("Breaks")) tell(`its form leads to ${await page.title()}`);
    }
    looked += 1;
    await page.close();
  }
  await context.close();
}));
await browser.close();
for (const problem of problems) console.log(problem);
console.log(`${looked} looks, ${problems.length} problems`);
process.exit(problems.length > 0 ? 1 : 0);

async function audit(page) {
  await page.evaluate(axe);
  return page.evaluate(() => window.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }));
}

// By Tab alone, everything that can be used is reached, in the order in which it stands, and shows that it is.
async function tabThrough(page, tell) {
  await page.evaluate(() => {
    const usable = "a[href], button, input:not([type=hidden]), select, summary, textarea, [tabindex='0']";
    window.wanted = [...document.querySelectorAll(usable)].filter((element) => element.checkVisibility());
    document.activeElement?.blur();
    window.scrollTo(0, 0);
  });
  const count = await page.evaluate(() => window.wanted.length);
  for (let place = 0; place < count; place += 1) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate((place) => {
      const element = document.activeElement;
      const style = getComputedStyle(element);
      return {
        isNext: element === window.wanted[place],
        is: element.outerHTML.slice(0, 100),
        shows: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
        first: element.className,
      };
    }, place);
    if (place === 0 && at.first !== "skip") tell(`Tab begins at ${at.is}`);
    if (!at.isNext) return tell(`Tab ${place + 1} of ${count} leads to ${at.is}`);
    if (!at.shows) tell(`no outline on ${at.is}`);
  }
}

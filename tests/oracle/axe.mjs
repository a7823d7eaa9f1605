// Audits HTML documents with axe-core in headless Chromium: on a wide and a narrow screen, light, dark, and as printed.
//
//     node tests/oracle/axe.mjs AXE_JS FILE.html... [--pictures DIR]
//
// AXE_JS is axe.min.js of the npm package axe-core; Chromium is `chromium` or $CHROMIUM. All rules that axe-core runs by
// default are run, its best practices among them. It prints a line for each document and every violation with the
// elements concerned, and ends with status 1 if there is one. With --pictures it writes NAME-VIEW.png and NAME.pdf.
// `.ci/accessible` gets axe-core, makes documents and runs this.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const VIEWS = {
  light: { width: 1280, scheme: "light", media: "screen" },
  dark: { width: 1280, scheme: "dark", media: "screen" },
  narrow: { width: 360, scheme: "light", media: "screen" },
  print: { width: 1000, scheme: "light", media: "print" },
};

/** Chromium, spoken to through a pipe: one JSON object after another, each ended by a zero byte. */
class Browser {
  constructor(profile) {
    const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", `--user-data-dir=${profile}`];
    const stdio = ["ignore", "ignore", "ignore", "pipe", "pipe"];
    this.process = spawn(process.env.CHROMIUM ?? "chromium", [...flags, "about:blank"], { stdio });
    this.waiting = new Map();
    this.events = [];
    this.next = 1;
    let rest = "";
    this.process.stdio[4].setEncoding("utf8").on("data", (data) => {
      const messages = (rest + data).split("\0");
      rest = messages.pop();
      messages.map((message) => JSON.parse(message)).forEach((message) => this.received(message));
    });
    this.process.stdio[3].on("error", (error) => fail(`Chromium does not listen: ${error.message}`));
    this.process.on("error", (error) => fail(`Chromium did not start: ${error.message}`));
    this.process.on("exit", () => this.waiting.size && fail("Chromium ended before it answered"));
  }

  received(message) {
    const waiting = this.waiting.get(message.id);
    if (waiting) {
      this.waiting.delete(message.id);
      message.error ? waiting.reject(new Error(message.error.message)) : waiting.resolve(message.result);
    }
    this.events.filter((event) => event.method === message.method).forEach((event) => event.resolve());
  }

  send(method, params = {}, sessionId = this.session) {
    const id = this.next++;
    this.process.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + "\0");
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  event(method) {
    return new Promise((resolve) => this.events.push({ method, resolve }));
  }

  async open() {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    this.session = (await this.send("Target.attachToTarget", { targetId, flatten: true })).sessionId;
    await this.send("Page.enable");
  }

  async show(url, { width, scheme, media }) {
    await this.send("Emulation.setDeviceMetricsOverride", { width, height: 900, deviceScaleFactor: 1, mobile: false });
    await this.send("Emulation.setEmulatedMedia", { media, features: [{ name: "prefers-color-scheme", value: scheme }] });
    const loaded = this.event("Page.loadEventFired");
    await this.send("Page.navigate", { url });
    await loaded;
  }

  /** Runs code in the page; the page's own policy, which forbids scripts, does not hold for the debugger. */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) fail(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  async close() {
    this.process.removeAllListeners("exit");
    const ended = new Promise((done) => this.process.once("exit", done));
    this.send("Browser.close", {}, undefined).catch(() => {});
    const late = setTimeout(() => this.process.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(late);
  }

  async picture(path) {
    const { data } = await this.send("Page.captureScreenshot", { captureBeyondViewport: true });
    writeFileSync(path, Buffer.from(data, "base64"));
  }

  async print(path) {
    const { data } = await this.send("Page.printToPDF", { preferCSSPageSize: true });
    writeFileSync(path, Buffer.from(data, "base64"));
  }
}

function fail(message) {
  console.error(message);
  process.exit(2);
}

const RUN = `axe.run(document).then(({ testEngine, passes, violations, incomplete }) => ({
  version: testEngine.version,
  passes: passes.length,
  violations: violations.concat(incomplete.map((rule) => ({ ...rule, unsure: true }))).map(({ id, help, impact, unsure, nodes }) => ({
    id, help, impact, unsure, nodes: nodes.map((node) => node.html.slice(0, 120)),
  })),
}))`;

function say(file, view, { violations }) {
  for (const { id, help, impact, unsure, nodes } of violations) {
    console.log(`${file}, ${view}: ${unsure ? "to be judged by a person" : impact}: ${id}: ${help}, ${nodes.length} elements`);
    nodes.slice(0, 3).forEach((node) => console.log(`    ${node}`));
  }
}

async function audit(browser, axe, file, pictures) {
  const counts = { passes: 0, violations: 0, unsure: 0 };
  for (const [view, settings] of Object.entries(VIEWS)) {
    await browser.show(pathToFileURL(resolve(file)).href, settings);
    // A page that has to be scrolled sideways is none that axe-core looks for.
    const wide = await browser.evaluate("document.documentElement.scrollWidth > innerWidth");
    if (wide) console.log(`${file}, ${view}: wider than the screen`);
    await browser.evaluate(axe);
    const result = await browser.evaluate(RUN);
    say(file, view, result);
    counts.version = result.version;
    counts.passes = Math.max(counts.passes, result.passes);
    counts.violations += result.violations.filter((rule) => !rule.unsure).length + wide;
    counts.unsure += result.violations.filter((rule) => rule.unsure).length;
    if (pictures) await browser.picture(join(pictures, `${basename(file, ".html")}-${view}.png`));
  }
  if (pictures) await browser.print(join(pictures, `${basename(file, ".html")}.pdf`));
  const { version, passes, violations, unsure } = counts;
  console.log(`${file}: axe-core ${version}, ${passes} rules passed, ${violations} violations, ${unsure} to be judged by a person`);
  return violations;
}

const [axe, ...rest] = process.argv.slice(2);
const at = rest.indexOf("--pictures");
const pictures = at < 0 ? undefined : rest.splice(at, 2)[1];
if (!axe || !rest.length) fail("usage: node tests/oracle/axe.mjs AXE_JS FILE.html... [--pictures DIR]");
const profile = mkdtempSync(join(tmpdir(), "axe-"));
const browser = new Browser(profile);
let violations = 0;
try {
  await browser.open();
  for (const file of rest) violations += await audit(browser, readFileSync(axe, "utf8"), file, pictures);
} finally {
  await browser.close();
  // Its last helper may still write: it goes on ending after the browser has.
  rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}
process.exit(violations ? 1 : 0);

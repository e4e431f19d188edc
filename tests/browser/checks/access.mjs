// Light and dark, narrow and wide, keyboard and names: what must hold for any server with a project.
import { contains, equal, eventually, holds } from "../harness.mjs";

async function open(page, url) {
  await page.goto(url);
  await page.locator("#events").waitFor();
}

/** Every text whose contrast with its ground is under 4.5 (or 3 where it is large), as "text: ratio". */
function weakTexts() {
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    probe.clearRect(0, 0, 1, 1);
    probe.fillStyle = colour;
    probe.fillRect(0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([red, green, blue]) => [red, green, blue]
    .map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] > 200) return colour;
    }
    return [255, 255, 255, 255];
  };
  const weak = [];
  for (const element of document.querySelectorAll("#app *")) {
    const own = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join("");
    if (own === "" || element.closest(".split, .visually-hidden, option") !== null || element.checkVisibility?.() === false) continue;
    const style = getComputedStyle(element);
    const text = luminance(rgba(element instanceof SVGElement ? style.fill : style.color));
    const box = element instanceof SVGElement ? element.closest(".step")?.querySelector(".step-box") : null;
    const behind = luminance(box ? rgba(getComputedStyle(box).fill) : ground(element));
    const ratio = (Math.max(text, behind) + 0.05) / (Math.min(text, behind) + 0.05);
    if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) weak.push(`${own.slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return [...new Set(weak)];
}

export async function accessChecks(checks, url) {
  for (const scheme of ["light", "dark"]) {
    await checks.check(`${scheme}: every text has enough contrast`, url, async (page) => {
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      await open(page, url);
      const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number)[0]);
      holds(scheme === "dark" ? ground < 60 : ground > 200, `${scheme}: the ground is ${ground}`);
      equal(await page.evaluate(weakTexts), [], "weak texts");
    });
  }

  for (const width of [380, 768, 1360]) {
    await checks.check(`${width} px: nothing scrolls sideways`, url, async (page) => {
      await page.setViewportSize({ width, height: 800 });
      await open(page, url);
      await eventually(async () => {
        const wide = await page.evaluate(() => document.scrollingElement.scrollWidth);
        holds(wide <= width, `the page is ${wide} px wide`);
      });
    });
  }

  await checks.check("a narrowed window is drawn anew", url, async (page) => {
    await open(page, url);
    await page.setViewportSize({ width: 400, height: 800 });
    await eventually(async () => holds((await page.evaluate(() => document.scrollingElement.scrollWidth)) <= 400, "still wide"));
  });

  await checks.check("names: sections, controls and ids", url, async (page) => {
    await open(page, url);
    const found = await page.evaluate(() => {
      const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
      const unnamed = [...document.querySelectorAll("section, select, input, button, [tabindex='0'], [role=grid], [role=list], [role=img]")]
        .filter((element) => !element.getAttribute("aria-label") && !element.getAttribute("aria-labelledby") && !element.labels?.length && !element.textContent.trim());
      const dangling = [...document.querySelectorAll("[aria-labelledby]")].filter((element) => !document.getElementById(element.getAttribute("aria-labelledby")));
      return {
        twice: ids.filter((id, index) => ids.indexOf(id) !== index),
        unnamed: unnamed.map((element) => element.outerHTML.slice(0, 80)),
        dangling: dangling.map((element) => element.outerHTML.slice(0, 80)),
        headings: document.querySelectorAll("h1").length,
        language: document.documentElement.lang,
      };
    });
    equal(found, { twice: [], unnamed: [], dangling: [], headings: 1, language: "en" }, "names");
  });
}

/** What needs figures on the page: the marks that the arrow keys walk. */
export async function keyboardChecks(checks, url) {
  await checks.check("keyboard: Tab reaches the heat map, arrows walk it, tooltip and live region tell the cell", url, async (page) => {
    await open(page, url);
    const focused = () => page.evaluate(() => document.activeElement.id);
    for (let press = 0; press < 40 && (await focused()) !== "heat"; press++) await page.keyboard.press("Tab");
    equal(await focused(), "heat", "Tab ends on");
    const tip = page.locator(".tooltip");
    await tip.waitFor({ state: "visible" });
    const says = async () => (await tip.textContent()).split(/[\n:]/).slice(0, 2);
    const columns = await page.locator(".heat-name").allTextContents();
    const [column, day] = await says();
    equal(column, columns[0], "first column");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowDown");
    const [below, before] = await says();
    equal(below, columns[1], "column below");
    holds(before !== day, "the day did not change");
    equal(await page.locator("#heat-voice").textContent(), (await tip.textContent()).replace("\n", ", "), "live region");
    holds(await page.locator(".heat-cursor").isVisible(), "the cursor is not seen");
    await page.keyboard.press("End");
    equal((await says())[1], day, "the last day");
    await page.keyboard.press("Escape");
    await tip.waitFor({ state: "hidden" });
  });

  await checks.check("keyboard: arrows walk the pipeline and the months", url, async (page) => {
    await open(page, url);
    await page.locator("#pipeline .step[tabindex='0']").focus();
    await page.keyboard.press("ArrowRight");
    equal(await page.evaluate(() => document.activeElement.dataset.column), "1", "layer");
    await page.locator(".lines .month[tabindex='0']").first().focus();
    await page.keyboard.press("Home");
    equal(await page.evaluate(() => document.activeElement.dataset.column), "0", "month");
  });

  await checks.check("keyboard: the first Tab offers to skip to the project", url, async (page) => {
    await open(page, url);
    await page.keyboard.press("Tab");
    contains(await page.evaluate(() => document.activeElement.textContent), "Skip", "first stop");
  });

  await checks.check("pointer: a month's tooltip tells both models", url, async (page) => {
    await open(page, url);
    await page.locator(".lines .month").first().hover();
    const tip = page.locator(".tooltip");
    await tip.waitFor({ state: "visible" });
    contains(await tip.textContent(), "live", "tooltip");
    contains(await tip.textContent(), "frozen", "tooltip");
  });
}

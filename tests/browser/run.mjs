// The browser test: against its own fake server, whose figures it knows, or against a real one that has a project.
//   node tests/browser/run.mjs FOLDER_OF_THE_BUILT_PAGE [PART_OF_A_NAME]
//   node tests/browser/run.mjs http://127.0.0.1:7070 [PART_OF_A_NAME]
// The last line is "PASSED FAILED".
import { withBrowser } from "./browser.mjs";
import { accessChecks, keyboardChecks } from "./checks/access.mjs";
import { changeChecks } from "./checks/changes.mjs";
import { figureChecks } from "./checks/figures.mjs";
import { FakeServer } from "./fake_server.mjs";
import { flights, fresh } from "./fixtures.mjs";
import { Checks } from "./harness.mjs";

const [target, only] = process.argv.slice(2);

async function againstFake(checks, folder) {
  const server = new FakeServer(folder);
  await server.start();
  try {
    server.projects = new Map([flights(), fresh()].map((project) => [project.name, project]));
    await figureChecks(checks, server.url, "flight-delays");
    await accessChecks(checks, server.url);
    await keyboardChecks(checks, server.url);
    await changeChecks(checks, server);
  } finally {
    await server.stop();
  }
}

async function againstReal(checks, address) {
  const url = new URL("/", address).href;
  const { projects } = await (await fetch(new URL("/api/keelson/v1/projects", url))).json();
  await figureChecks(checks, url, projects[0].name);
  await accessChecks(checks, url);
}

const counts = await withBrowser(async (context) => {
  const checks = new Checks(context, only);
  await (/^https?:/.test(target) ? againstReal : againstFake)(checks, target);
  return checks;
});
console.log(`${counts.passed} ${counts.failed}`);
process.exitCode = counts.failed === 0 ? 0 : 1;

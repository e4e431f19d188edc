// The browser test. Against its own fake server by default; with KEELSON_URL in the environment, also against a real one.
//   node tests/browser/run.mjs FOLDER_OF_THE_BUILT_PAGE [PART_OF_A_NAME]
// The last line is "PASSED FAILED".
import { withBrowser } from "./browser.mjs";
import { accessChecks, keyboardChecks } from "./checks/access.mjs";
import { changeChecks } from "./checks/changes.mjs";
import { figureChecks } from "./checks/figures.mjs";
import { FakeServer } from "./fake_server.mjs";
import { flights, fresh } from "./fixtures.mjs";
import { Checks } from "./harness.mjs";

const [folder, only] = process.argv.slice(2);
const counts = await withBrowser(async (context) => {
  const checks = new Checks(context, only);
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
  const real = process.env.KEELSON_URL;
  if (real !== undefined && real !== "") {
    const url = new URL("/", real).href;
    console.log(`against ${url}`);
    const { projects } = await (await fetch(new URL("/api/keelson/v1/projects", url))).json();
    await figureChecks(checks, url, projects[0].name);
    await accessChecks(checks, url);
  }
  return checks;
});
console.log(`${counts.passed} ${counts.failed}`);
process.exitCode = counts.failed === 0 ? 0 : 1;

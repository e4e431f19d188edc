// A server of the page's own kind for its tests: the built files under the binary's security headers, and an API that answers
// with whatever `projects` holds at that moment. `down` makes it break every connection, `token` makes it ask for one.
import { readFile } from "node:fs/promises";
import http from "node:http";
import path from "node:path";

const kFiles = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/page/app.js": ["app.js", "text/javascript; charset=utf-8"],
  "/page/app.css": ["app.css", "text/css; charset=utf-8"],
  "/page/favicon.svg": ["favicon.svg", "image/svg+xml"],
};
const kPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export class FakeServer {
  projects = new Map();
  down = false;
  token = null;
  asked = 0;

  constructor(folder) {
    this.folder = folder;
    this.server = http.createServer((request, response) => this.answer(request, response));
  }

  async start(port = 0) {
    await new Promise((resolve) => this.server.listen(port, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}/`;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  async answer(request, response) {
    if (this.down) return request.socket.destroy();
    const { pathname } = new URL(request.url, this.url);
    const file = kFiles[pathname];
    if (file !== undefined) {
      const body = await readFile(path.join(this.folder, file[0]));
      response.writeHead(200, { "content-type": file[1], "content-security-policy": kPolicy, "x-content-type-options": "nosniff", "cache-control": "no-cache" });
      return response.end(body);
    }
    this.asked++;
    if (this.token !== null && request.headers.authorization !== `Bearer ${this.token}`) return json(response, 401, { error: "token" });
    const [, name] = /^\/api\/keelson\/v1\/projects(?:\/([^/]+))?$/.exec(pathname) ?? [null, null];
    if (pathname === "/api/keelson/v1/projects") {
      return json(response, 200, { projects: [...this.projects.values()].map(({ name, mode, clock, champion }) => ({ name, mode, clock, champion })) });
    }
    const project = name == null ? undefined : this.projects.get(decodeURIComponent(name));
    return project === undefined ? json(response, 404, { error: "not found" }) : json(response, 200, project);
  }
}

function json(response, status, value) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

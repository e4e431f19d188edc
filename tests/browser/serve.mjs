// Shows the page with the fixture's figures, for work on it: node tests/browser/serve.mjs FOLDER [PORT]
import { FakeServer } from "./fake_server.mjs";
import { flights, fresh } from "./fixtures.mjs";

const server = new FakeServer(process.argv[2] ?? "build/release/src/wire/page/dist");
server.projects.set("flight-delays", flights());
server.projects.set("churn", fresh());
await server.start(Number(process.argv[3] ?? 0));
console.log(server.url);

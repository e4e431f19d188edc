// What runs and what waits in the queue, and why it waits.
import type { Job, Project } from "../api";
import { badge } from "../badge";
import { h } from "../dom";
import * as format from "../format";
import { emptyState, panel } from "../panel";

function row(job: Job): HTMLElement {
  const attempts = job.attempts !== null && job.attempts > 1 ? `attempt ${job.attempts}` : "";
  const text = [job.progress, job.waiting === "" ? "" : `waits: ${job.waiting}`, attempts].filter((part) => part !== "").join(" · ");
  return h("li", { "data-key": job.id, class: "job" },
    h("div", { class: "job-head" }, badge(job.state), h("strong", null, job.step || job.kind), h("span", { class: "muted" }, job.step === "" ? "" : job.kind), h("code", { title: job.id }, job.id)),
    text === "" ? null : h("p", { class: "job-text" }, text),
    job.fraction === null || job.state !== "running" ? null
      : h("progress", { max: 1, value: job.fraction, "aria-label": `Progress of ${job.step || job.id}` }, format.percent(job.fraction)));
}

export function jobsPanel(project: Project): HTMLElement {
  const { jobs } = project;
  const options = { id: "jobs", title: "Jobs and queue", shows: jobs };
  if (jobs.length === 0) return panel({ ...options, empty: true }, () => [emptyState("Nothing runs and nothing waits.")]);
  const running = jobs.filter((job) => job.state === "running").length;
  const aside = h("p", { class: "aside" }, `${format.count(running)} running, ${format.count(jobs.filter((job) => job.state === "queued" || job.state === "pending").length)} waiting`);
  return panel({ ...options, aside }, () => [h("ul", { class: "jobs scroll tall", tabindex: 0, "aria-label": "Jobs" }, ...jobs.map(row))]);
}

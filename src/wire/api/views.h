#pragma once

#include <string>
#include <vector>

#include "control/types.h"

namespace keelson::control {
class Controller;
class JobRunner;
class ProjectRuntime;
struct Event;
}  // namespace keelson::control

namespace keelson::wire::api {

// What the page and `keelson get`/`describe` read: control's state as JSON. Called on the control thread.
control::Json JobView(const control::Job& job, bool full);
control::Json QueuesView(control::JobRunner& jobs);  // the machine, its queues, and the jobs that run or wait
control::Json PipelineView(const control::Pipeline& pipeline, const control::JobRunner& jobs, bool full);
control::Json ProjectView(control::Controller& controller, control::ProjectRuntime& runtime);
control::Json SummaryView(control::ProjectRuntime& runtime);
control::Json EventsView(const std::vector<control::Event>& events);
control::Json VersionsView(control::Controller& controller, const std::string& model);

}  // namespace keelson::wire::api

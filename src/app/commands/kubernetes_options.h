#pragma once

#include <string>
#include <vector>

#include "kubernetes/objects/settings.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace keelson::app {

// What a command is told of the cluster that a project is for; the same options for `render` and `apply`.
struct KubernetesOptions {
  bool wanted = false;  // --kubernetes

  // The flag --kubernetes, which the other options need.
  CLI::Option* AddTo(CLI::App& app, const char* description);
  kubernetes::Settings Chosen() const;

  kubernetes::Settings settings = {.version = KEELSON_VERSION, .image = "keelson:" KEELSON_VERSION};
  std::vector<std::string> addons;  // by their names: gateway-api, keda, kueue, metrics-server, prometheus-operator
  int canary_version = 0;           // 0: none
};

}  // namespace keelson::app

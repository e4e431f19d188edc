#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "app/commands.h"

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    return keelson::app::RunCommandLine(keelson::app::Commands(), arguments, {std::cout, std::cerr});
  } catch (const std::exception& error) {
    std::cerr << "keelson: internal error: " << error.what() << "\n";
    return keelson::app::kExitFailed;
  }
}

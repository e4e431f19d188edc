#include "wire/mlflow/graphql_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "base/strings.h"
#include "wire/mlflow/graphql_limits.h"
#include "wire/mlflow/graphql_schema.h"
#include "wire/mlflow/graphql_suggest.h"
#include "wire/mlflow/graphql_value.h"

namespace keelson::wire::mlflow::graphql {
namespace {

using Selections = std::vector<Selection>;

class Checker {
 public:
  explicit Checker(const Document& document) : document_(document) {}

  std::vector<std::string> Run() {
    for (const Operation& operation : document_.operations) CheckOperation(operation);
    for (const Fragment& fragment : document_.fragments) CheckFragment(fragment);
    for (const Fragment& fragment : document_.fragments) {
      if (!reached_.contains(fragment.name)) Say(fmt::format("Fragment '{}' is never used.", fragment.name));
    }
    return std::move(mistakes_);
  }

 private:
  void Say(std::string mistake) { mistakes_.push_back(std::move(mistake)); }

  // A variable, where it stands and what is expected there.
  struct Use {
    std::string_view name;
    std::string type;
  };

  void CheckOperation(const Operation& operation) {
    if (operation.name.empty() && document_.operations.size() > 1) {
      Say("This anonymous operation must be the only defined operation.");
    }
    if (!operation.name.empty() && !operation_names_.insert(operation.name).second) {
      Say(fmt::format("There can be only one operation named '{}'.", operation.name));
    }
    std::set<std::string_view> names;
    for (const Variable& variable : operation.variables) {
      if (!names.insert(variable.name).second) {
        Say(fmt::format("There can be only one variable named '${}'.", variable.name));
      }
      CheckVariable(variable);
    }
    CheckDirectives(operation.directives, operation.kind);
    CheckSelections(operation.selections, Schema::Get().Root(operation.kind));
    std::vector<Use> uses;
    Collect(operation.directives, uses);
    std::set<std::string_view> visited;
    Collect(operation.selections, Schema::Get().Root(operation.kind), visited, uses);
    for (const std::string_view fragment : visited) reached_.insert(fragment);
    CheckUses(operation, uses);
    std::size_t budget = kMostComparisons;
    if (!visited.empty() && Cycles()) return;
    CheckMerging({&operation.selections}, Schema::Get().Root(operation.kind), "F", budget);
  }

  void CheckVariable(const Variable& variable) {
    const SchemaType* type = Schema::Get().Find(NamedType(variable.type));
    if (type == nullptr) {
      const std::string name(NamedType(variable.type));
      return Say(fmt::format("Unknown type '{}'.{}", name, DidYouMean(name, Schema::Get().TypeNames())));
    }
    if (type->kind == SchemaType::Kind::kObject) {
      return Say(fmt::format("Variable '${}' cannot be non-input type '{}'.", variable.name, variable.type));
    }
    if (variable.has_default) CheckValue(variable.otherwise, variable.type);
  }

  void CheckUses(const Operation& operation, const std::vector<Use>& uses) {
    const std::string of = operation.name.empty() ? "" : fmt::format(" by operation '{}'", operation.name);
    const std::string in = operation.name.empty() ? "" : fmt::format(" in operation '{}'", operation.name);
    std::set<std::string_view> used;
    for (const Use& use : uses) {
      used.insert(use.name);
      // Of two by one name the later.
      const auto variable = std::find_if(operation.variables.rbegin(), operation.variables.rend(),
                                         [&](const Variable& each) { return each.name == use.name; });
      if (variable == operation.variables.rend()) {
        Say(fmt::format("Variable '${}' is not defined{}.", use.name, of));
        continue;
      }
      const bool has_value = variable->has_default && variable->otherwise.kind != Value::Kind::kNull;
      const bool fits = IsRequired(use.type) && !IsRequired(variable->type) && has_value
                            ? Fits(variable->type, WithoutRequired(use.type))
                            : Fits(variable->type, use.type);
      if (!fits && Schema::Get().Find(NamedType(variable->type)) != nullptr) {
        Say(fmt::format("Variable '${}' of type '{}' used in position expecting type '{}'.", use.name, variable->type,
                        use.type));
      }
    }
    for (const Variable& variable : operation.variables) {
      if (!used.contains(variable.name)) Say(fmt::format("Variable '${}' is never used{}.", variable.name, in));
    }
  }

  // Whether what is of type `given` may stand where `wanted` is asked for.
  static bool Fits(std::string_view given, std::string_view wanted) {
    if (IsRequired(wanted)) return IsRequired(given) && Fits(WithoutRequired(given), WithoutRequired(wanted));
    given = WithoutRequired(given);
    if (IsList(wanted) != IsList(given)) return false;
    return IsList(wanted) ? Fits(ItemType(given), ItemType(wanted)) : given == wanted;
  }

  void CheckFragment(const Fragment& fragment) {
    if (!fragment_names_.insert(fragment.name).second) {
      Say(fmt::format("There can be only one fragment named '{}'.", fragment.name));
    }
    CheckDirectives(fragment.directives, "fragment definition");
    CheckSelections(fragment.selections, Condition(fragment.on, fragment.name));
    CheckCycle(fragment);
  }

  // The type of a fragment, after its mistakes were told.
  const SchemaType* Condition(const std::string& name, std::string_view fragment) {
    const SchemaType* type = Schema::Get().Find(name);
    if (type == nullptr) {
      Say(fmt::format("Unknown type '{}'.{}", name, DidYouMean(name, Schema::Get().TypeNames())));
    } else if (type->kind != SchemaType::Kind::kObject) {
      Say(fmt::format("Fragment {}cannot condition on non composite type '{}'.",
                      fragment.empty() ? "" : fmt::format("'{}' ", fragment), name));
      return nullptr;
    }
    return type;
  }

  // A fragment that leads back to itself, told at the first of its circle.
  void CheckCycle(const Fragment& fragment) {
    if (cleared_.contains(fragment.name)) return;
    std::vector<std::string_view> path;
    WalkCycle(fragment, path);
  }
  void WalkCycle(const Fragment& fragment, std::vector<std::string_view>& path) {
    if (!cleared_.insert(fragment.name).second) return;
    std::vector<std::string_view> spreads;
    SpreadsOf(fragment.selections, spreads);
    for (const std::string_view spread : spreads) {
      const auto before = std::ranges::find(path, spread);
      if (before == path.end() && spread != fragment.name) {
        path.push_back(fragment.name);
        if (const Fragment* next = document_.Find(spread)) WalkCycle(*next, path);
        path.pop_back();
        continue;
      }
      cyclic_ = true;
      std::vector<std::string> via;
      for (auto each = before; each != path.end(); ++each) {
        if (*each != spread) via.push_back(fmt::format("'{}'", *each));
      }
      if (spread != fragment.name) via.push_back(fmt::format("'{}'", fragment.name));
      Say(fmt::format("Cannot spread fragment '{}' within itself{}.", spread,
                      via.empty() ? "" : fmt::format(" via {}", fmt::join(via, ", "))));
    }
  }
  static void SpreadsOf(const Selections& selections, std::vector<std::string_view>& spreads) {
    for (const Selection& selection : selections) {
      if (selection.kind == Selection::Kind::kSpread) spreads.push_back(selection.name);
      SpreadsOf(selection.selections, spreads);
    }
  }
  // Whether any fragment leads back to itself.
  bool Cycles() {
    if (!cycles_known_) {
      cycles_known_ = true;
      const std::size_t told = mistakes_.size();
      for (const Fragment& fragment : document_.fragments) CheckCycle(fragment);
      mistakes_.resize(told);  // told again where the fragments are
      cleared_.clear();
    }
    return cyclic_;
  }

  void CheckSelections(const Selections& selections, const SchemaType* type) {
    for (const Selection& selection : selections) {
      switch (selection.kind) {
        case Selection::Kind::kField:
          CheckField(selection, type);
          break;
        case Selection::Kind::kInline: {
          CheckDirectives(selection.directives, "inline fragment");
          const SchemaType* on = selection.name.empty() ? type : Condition(selection.name, "");
          if (on != nullptr && type != nullptr && on != type) {
            Say(fmt::format("Fragment cannot be spread here as objects of type '{}' can never be of type '{}'.",
                            type->name, on->name));
          }
          CheckSelections(selection.selections, on);
          break;
        }
        case Selection::Kind::kSpread: {
          CheckDirectives(selection.directives, "fragment spread");
          const Fragment* fragment = document_.Find(selection.name);
          if (fragment == nullptr) {
            Say(fmt::format("Unknown fragment '{}'.", selection.name));
            break;
          }
          const SchemaType* on = Schema::Get().Find(fragment->on);
          if (on != nullptr && type != nullptr && on != type && on->kind == SchemaType::Kind::kObject) {
            Say(fmt::format("Fragment '{}' cannot be spread here as objects of type '{}' can never be of type '{}'.",
                            fragment->name, type->name, on->name));
          }
          break;
        }
      }
    }
  }

  void CheckField(const Selection& field, const SchemaType* type) {
    CheckDirectives(field.directives, "field");
    const SchemaField* found = type == nullptr ? nullptr : type->Find(field.name);
    if (found == nullptr) {
      if (type != nullptr && field.name != "__typename") {
        std::vector<std::string> names;
        for (const SchemaField& each : type->fields) names.push_back(each.name);
        Say(fmt::format("Cannot query field '{}' on type '{}'.{}", field.name, type->name,
                        DidYouMean(field.name, names)));
      }
      if (field.name == "__typename" && !field.selections.empty()) {
        Say("Field '__typename' must not have a selection since type 'String!' has no subfields.");
      }
      return CheckSelections(field.selections, nullptr);
    }
    const SchemaType* inner = Schema::Get().Find(NamedType(found->type));
    const bool leaf = inner->kind != SchemaType::Kind::kObject;
    if (leaf && !field.selections.empty()) {
      Say(fmt::format("Field '{}' must not have a selection since type '{}' has no subfields.", field.name,
                      found->type));
    } else if (!leaf && field.selections.empty()) {
      Say(fmt::format("Field '{0}' of type '{1}' must have a selection of subfields. Did you mean '{0} {{ ... }}'?",
                      field.name, found->type));
    }
    CheckArguments(field.arguments, found->arguments, fmt::format("field '{}.{}'", type->name, field.name));
    CheckSelections(field.selections, leaf ? nullptr : inner);
  }

  void CheckArguments(const Arguments& arguments, const std::vector<SchemaArgument>& known, const std::string& of) {
    std::set<std::string_view> seen;
    for (const auto& [name, value] : arguments) {
      const auto found = std::ranges::find(known, name, &SchemaArgument::name);
      if (found == known.end()) {
        std::vector<std::string> names;
        for (const SchemaArgument& each : known) names.push_back(each.name);
        Say(fmt::format("Unknown argument '{}' on {}.{}", name, of, DidYouMean(name, names)));
        continue;
      }
      if (!seen.insert(name).second) Say(fmt::format("There can be only one argument named '{}'.", name));
      CheckValue(value, found->type);
    }
  }

  void CheckValue(const Value& value, std::string_view type) {
    for (std::string& mistake : ValueMistakes(value, type)) Say(std::move(mistake));
  }

  // The reference's own directive is the only one that it knows: @include and @skip are none to it.
  static constexpr std::string_view kComponent = "component";
  static const std::vector<SchemaArgument>& ComponentArguments() {
    static const std::vector<SchemaArgument> arguments = {{"name", "String!"}};
    return arguments;
  }

  void CheckDirectives(const std::vector<Directive>& directives, std::string_view place) {
    std::size_t components = 0;
    for (const Directive& directive : directives) {
      if (directive.name != kComponent) {
        Say(fmt::format("Unknown directive '@{}'.", directive.name));
        continue;
      }
      if (place != "query" && place != "mutation") {
        Say(fmt::format("Directive '@{}' may not be used on {}.", kComponent, place));
      }
      if (++components > 1) Say(fmt::format("The directive '@{}' can only be used once at this location.", kComponent));
      CheckArguments(directive.arguments, ComponentArguments(), fmt::format("directive '@{}'", kComponent));
      if (std::ranges::find(directive.arguments, "name", &Arguments::value_type::first) == directive.arguments.end()) {
        Say(fmt::format("Directive '@{}' argument 'name' of type 'String!' is required, but it was not provided.",
                        kComponent));
      }
    }
  }

  static void CollectValue(const Value& value, std::string_view type, std::vector<Use>& uses) {
    if (value.kind == Value::Kind::kVariable) uses.push_back({value.text, std::string(type)});
    for (const Value& item : value.items)
      CollectValue(item, IsList(WithoutRequired(type)) ? ItemType(type) : type, uses);
    const SchemaType* named = Schema::Get().Find(NamedType(type));
    for (const auto& [name, inner] : value.fields) {
      if (const SchemaField* field = named == nullptr ? nullptr : named->Find(name))
        CollectValue(inner, field->type, uses);
    }
  }
  static void Collect(const std::vector<Directive>& directives, std::vector<Use>& uses) {
    for (const Directive& directive : directives) {
      if (directive.name != kComponent) continue;
      for (const auto& [name, value] : directive.arguments) {
        if (name == "name") CollectValue(value, "String!", uses);
      }
    }
  }
  void Collect(const Selections& selections, const SchemaType* type, std::set<std::string_view>& visited,
               std::vector<Use>& uses) {
    for (const Selection& selection : selections) {
      Collect(selection.directives, uses);
      if (selection.kind == Selection::Kind::kSpread) {
        const Fragment* fragment = document_.Find(selection.name);
        if (fragment == nullptr || !visited.insert(fragment->name).second) continue;
        Collect(fragment->directives, uses);
        Collect(fragment->selections, Schema::Get().Find(fragment->on), visited, uses);
        continue;
      }
      if (selection.kind == Selection::Kind::kInline) {
        Collect(selection.selections, selection.name.empty() ? type : Schema::Get().Find(selection.name), visited,
                uses);
        continue;
      }
      const SchemaField* field = type == nullptr ? nullptr : type->Find(selection.name);
      for (const auto& [name, value] : selection.arguments) {
        if (field == nullptr) continue;
        const auto argument = std::ranges::find(field->arguments, name, &SchemaArgument::name);
        if (argument != field->arguments.end()) CollectValue(value, argument->type, uses);
      }
      Collect(selection.selections, field == nullptr ? nullptr : Schema::Get().Find(NamedType(field->type)), visited,
              uses);
    }
  }

  static constexpr std::size_t kMostComparisons = 100'000;

  // Fields of one name in the answer have to be the same field, asked with the same arguments, all the way down.
  // `behind` is what leads there, in the words of a message, between fields of several parents.
  void CheckMerging(const std::vector<const Selections*>& levels, const SchemaType* type, std::string_view behind,
                    std::size_t& budget) {
    std::vector<std::pair<std::string_view, std::vector<const Selection*>>> by_key;
    std::map<std::string_view, std::size_t> places;
    for (const Selections* level : levels) {
      for (const Selection* field : FieldsOf(document_, *level)) {
        const auto [place, made] = places.try_emplace(field->key(), by_key.size());
        if (made) by_key.emplace_back(field->key(), std::vector<const Selection*>());
        by_key[place->second].second.push_back(field);
      }
    }
    for (const auto& [key, fields] : by_key) {
      std::vector<const Selections*> inner;
      for (const Selection* field : fields) {
        if (budget == 0) return;
        --budget;
        inner.push_back(&field->selections);
        const Selection& first = *fields.front();
        constexpr std::string_view kAdvice =
            " Use different aliases on the fields to fetch both if this was intentional.";
        const std::string conflict = fmt::format("{}ields '{}' conflict because", behind, key);
        if (field->name != first.name) {
          Say(fmt::format("{} '{}' and '{}' are different fields.{}", conflict, first.name, field->name, kAdvice));
        } else if (!SameArguments(first.arguments, field->arguments)) {
          Say(fmt::format("{} they have differing arguments.{}", conflict, kAdvice));
        }
      }
      const SchemaField* known = type == nullptr ? nullptr : type->Find(fields.front()->name);
      CheckMerging(inner, known == nullptr ? nullptr : Schema::Get().Find(NamedType(known->type)),
                   fields.size() == 1 ? "F" : fmt::format("{}ields '{}' conflict because subf", behind, key), budget);
    }
  }
  static bool SameArguments(const Arguments& a, const Arguments& b) {
    return a.size() == b.size() && std::ranges::all_of(a, [&](const auto& argument) {
             const auto other = std::ranges::find(b, argument.first, &Arguments::value_type::first);
             return other != b.end() && Printed(other->second) == Printed(argument.second);
           });
  }

  const Document& document_;
  std::vector<std::string> mistakes_;
  std::set<std::string_view> operation_names_;
  std::set<std::string_view> fragment_names_;
  std::set<std::string_view> reached_;  // fragments
  std::set<std::string_view> cleared_;  // of cycles, or told
  bool cycles_known_ = false;
  bool cyclic_ = false;
};

}  // namespace

std::vector<std::string> Mistakes(const Document& document) {
  return Checker(document).Run();
}

}  // namespace keelson::wire::mlflow::graphql

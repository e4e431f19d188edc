#include "sklearn/saved_model.h"

#include "sklearn/pickle_reader.h"
#include "sklearn/skops_reader.h"

namespace keelson::sklearn {

Result<std::unique_ptr<const FittedModel>> ReadSavedModel(std::string_view content, Method method) {
  KEELSON_ASSIGN_OR_RETURN(const auto document,
                           content.starts_with("PK\x03\x04") ? ReadSkops(content) : ReadPickle(content));
  return FittedModel::Build(document, method);
}

}  // namespace keelson::sklearn

#include "serving/mlflow_signature.h"

#include <gtest/gtest.h>

#include "io/files.h"
#include "io/temp_folder.h"

namespace keelson::serving {
namespace {

class MlflowSignatureTest : public testing::Test {
 protected:
  Result<std::optional<MlflowSignature>> Read(const std::string& text) {
    EXPECT_TRUE(io::WriteFileAtomically(temp_.File("MLmodel"), text));
    return ReadMlflowSignature(temp_.path());
  }
  io::TempFolder temp_ = std::move(*io::TempFolder::Make());
};

TEST_F(MlflowSignatureTest, ReadsColumnsAndParams) {
  const auto read = Read(R"(signature:
  inputs: '[{"type": "double", "name": "a", "required": true}, {"type": "string", "name": "b", "required": false}]'
  outputs: null
  params: '[{"name": "output_margin", "type": "boolean", "default": false, "shape": null}]'
)");
  ASSERT_TRUE(read.has_value()) << read.error().ToString();
  const auto& signature = **read;
  EXPECT_TRUE(signature.named());
  EXPECT_FALSE(signature.tensors);
  ASSERT_EQ(signature.columns.size(), 2u);
  EXPECT_EQ(signature.columns[0].type, "double");
  EXPECT_FALSE(signature.columns[1].required);
  EXPECT_EQ(signature.params, std::vector<std::string>{"output_margin"});
}

TEST_F(MlflowSignatureTest, ReadsTensors) {
  const auto read =
      Read(R"(signature: {inputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 5]}}]'})");
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE((*read)->tensors);
  EXPECT_FALSE((*read)->named());
  EXPECT_EQ((*read)->columns[0].type, "float64");
}

TEST_F(MlflowSignatureTest, IsNothingWhereThereIsNone) {
  EXPECT_FALSE(Read("flavors: {}\n")->has_value());
  EXPECT_FALSE(Read("signature: {inputs: null}\n")->has_value());
  EXPECT_FALSE(Read("- a list\n")->has_value());
  EXPECT_FALSE(ReadMlflowSignature(temp_.File("none"))->has_value());
}

TEST_F(MlflowSignatureTest, RefusesWhatIsMalformed) {
  EXPECT_EQ(Read("signature: [\n").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Read("signature: {inputs: '{'}\n").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Read("signature: {inputs: '[1]'}\n").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Read("signature: {inputs: '" + std::string(100'000, '[') + "'}\n").error().code,
            ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace keelson::serving

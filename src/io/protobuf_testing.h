#pragma once

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

// The messages of protocols/ by libprotobuf, which the program itself does without: what it writes and reads is held
// against this. Of the rooms that embed descriptors; their tests link libprotobuf.
namespace keelson::io {

class ProtobufMessages {
 public:
  // `descriptors`: a serialized FileDescriptorSet.
  ProtobufMessages(std::string_view descriptors, std::string package) : package_(std::move(package)) {
    google::protobuf::FileDescriptorSet set;
    EXPECT_TRUE(set.ParseFromArray(descriptors.data(), static_cast<int>(descriptors.size())));
    for (const auto& file : set.file()) EXPECT_NE(pool_.BuildFile(file), nullptr);
  }

  // An empty message of the name in the package.
  std::unique_ptr<google::protobuf::Message> New(const std::string& name) {
    const auto* descriptor = pool_.FindMessageTypeByName(package_ + "." + name);
    return std::unique_ptr<google::protobuf::Message>(factory_.GetPrototype(descriptor)->New());
  }
  // The bytes of what protobuf's text format says.
  std::string Bytes(const std::string& name, const std::string& text) {
    const auto message = New(name);
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, message.get())) << text;
    return message->SerializeAsString();
  }
  // In one line, fields unknown to the definition with their numbers; "malformed" when it cannot be read.
  std::string Text(const std::string& name, const std::string& bytes) {
    const auto message = New(name);
    if (!message->ParseFromString(bytes)) return "malformed";
    google::protobuf::TextFormat::Printer printer;
    printer.SetSingleLineMode(true);
    std::string text;
    printer.PrintToString(*message, &text);
    while (!text.empty() && text.back() == ' ') text.pop_back();
    return text;
  }

 private:
  const std::string package_;
  google::protobuf::LogSilencer silencer_;  // of what it says of each message that is none
  google::protobuf::DescriptorPool pool_;
  google::protobuf::DynamicMessageFactory factory_{&pool_};
};

}  // namespace keelson::io

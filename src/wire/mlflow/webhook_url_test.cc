#include "wire/mlflow/webhook_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace keelson::wire::mlflow {
namespace {

using testing::HasSubstr;

WebhookOptions Both() {
  WebhookOptions options;
  options.schemes = {"https", "http"};
  return options;
}

TEST(WebhookUrlTest, IsTakenApart) {
  struct Case {
    const char* url;
    const char* host;
    int port;
    const char* path;
    bool tls;
  };
  for (const Case& each :
       {Case{"https://hooks.example", "hooks.example", 443, "/", true},
        Case{"HTTPS://hooks.example:8443/a/b?c=d#e", "hooks.example", 8443, "/a/b?c=d", true},
        Case{"http://10.0.0.1?x", "10.0.0.1", 80, "/?x", false}, Case{"http://[::1]:81/", "::1", 81, "/", false},
        Case{"https://h/a b/\xc3\xa9/%20", "h", 443, "/a%20b/%C3%A9/%20", true}}) {
    const auto url = ReadWebhookUrl(each.url, Both());
    ASSERT_TRUE(url.has_value()) << each.url << url.error().ToString();
    EXPECT_EQ(url->target.host, each.host);
    EXPECT_EQ(url->target.port, each.port);
    EXPECT_EQ(url->target.tls, each.tls);
    EXPECT_EQ(url->path, each.path);
    EXPECT_EQ(url->authorization, "");
  }
}

TEST(WebhookUrlTest, MayNameAUser) {
  const auto url = ReadWebhookUrl("https://ann:s%40fe@hooks.example/x", Both());
  ASSERT_TRUE(url.has_value());
  EXPECT_EQ(url->target.host, "hooks.example");
  EXPECT_EQ(url->authorization, "Basic YW5uOnNAZmU=");
  EXPECT_EQ(ReadWebhookUrl("https://ann@hooks.example", Both())->authorization, "Basic YW5uOg==");
}

TEST(WebhookUrlTest, IsRefusedInMlflowsWords) {
  struct Case {
    const char* url;
    const char* message;
  };
  for (const Case& each :
       {Case{"", "Webhook URL cannot be empty or just whitespace: ''"},
        Case{" \t", "Webhook URL cannot be empty or just whitespace: ' \\t'"},
        Case{"ftp://h", "Invalid webhook URL scheme: 'ftp'. Allowed schemes are: https, http."},
        Case{"h/x", "Invalid webhook URL scheme: ''."}, Case{"1https://h", "Invalid webhook URL scheme: ''."},
        Case{"https:h", "Webhook URL must include a hostname: 'https:h'"},
        Case{"https:///x", "Webhook URL must include a hostname"},
        Case{"https://:8/x", "Webhook URL must include a hostname"},
        Case{"http://[invalid", "Invalid webhook URL 'http://[invalid': "},
        Case{"http://h:70000/", "Invalid webhook URL"}, Case{"http://a b/", "Invalid webhook URL"}}) {
    const auto url = ReadWebhookUrl(each.url, Both());
    ASSERT_FALSE(url.has_value()) << each.url;
    EXPECT_EQ(url.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(url.error().message, HasSubstr(each.message));
  }
  EXPECT_THAT(ReadWebhookUrl("http://h", {}).error().message, HasSubstr("Allowed schemes are: https."));
  WebhookOptions other;
  other.schemes = {"gopher"};
  EXPECT_FALSE(ReadWebhookUrl("gopher://h", other).has_value());
}

TEST(WebhookUrlTest, LeadsNowhereWithinThisNetworkUnlessThatIsAllowed) {
  for (const char* url : {"https://127.0.0.1/x", "https://localhost", "https://[::1]", "https://169.254.169.254/latest",
                          "https://[::ffff:10.0.0.1]/"}) {
    const Status checked = CheckWebhookUrl(url, Both());
    ASSERT_FALSE(checked.has_value()) << url;
    EXPECT_THAT(checked.error().message, HasSubstr("Webhook URL must not resolve to a non-public IP address. '"));
    WebhookOptions open = Both();
    open.private_addresses = true;
    EXPECT_TRUE(CheckWebhookUrl(url, open).has_value()) << url;
  }
  EXPECT_TRUE(CheckWebhookUrl("https://8.8.8.8/", Both()).has_value());
  EXPECT_THAT(CheckWebhookUrl("https://no%20such%20host/", Both()).error().message,
              HasSubstr("Cannot resolve Webhook URL hostname 'no%20such%20host': "));
}

TEST(WebhookOptionsTest, AreMlflowsVariables) {
  std::map<std::string, std::string> variables;
  const io::Environment environment = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  const auto read = [&] { return ReadWebhookOptions(environment, io::SecretBox::WithKeyOfItsOwn()); };
  EXPECT_THAT(read()->schemes, testing::ElementsAre("https"));
  EXPECT_FALSE(read()->private_addresses);
  EXPECT_TRUE(read()->send);
  EXPECT_EQ(read()->retries, 3);
  EXPECT_EQ(read()->timeout, std::chrono::seconds(30));
  EXPECT_EQ(read()->workers, 10u);
  variables = {{"MLFLOW_WEBHOOK_ALLOWED_SCHEMES", "http, https"},
               {"MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS", "TRUE"},
               {"MLFLOW_WEBHOOK_REQUEST_TIMEOUT", "10"},
               {"MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES", "0"},
               {"MLFLOW_WEBHOOK_DELIVERY_MAX_WORKERS", "2"}};
  EXPECT_THAT(read()->schemes, testing::ElementsAre("http", "https"));
  EXPECT_TRUE(read()->private_addresses);
  EXPECT_EQ(read()->retries, 0);
  EXPECT_EQ(read()->timeout, std::chrono::seconds(10));
  EXPECT_EQ(read()->workers, 2u);
  for (const char* name : {"MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS", "MLFLOW_WEBHOOK_REQUEST_TIMEOUT",
                           "MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES", "MLFLOW_WEBHOOK_DELIVERY_MAX_WORKERS"}) {
    variables = {{name, "-1"}};
    const auto wrong = read();
    ASSERT_FALSE(wrong.has_value()) << name;
    EXPECT_THAT(wrong.error().message, HasSubstr(name));
  }
}

}  // namespace
}  // namespace keelson::wire::mlflow

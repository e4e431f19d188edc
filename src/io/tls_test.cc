// TLS without HTTP: both ends in one thread, over a socket pair.
#include "io/tls.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>

#include "io/files.h"
#include "io/http_testing.h"
#include "io/tls_stream.h"
#include "io/tls_testing.h"

namespace keelson::io {
namespace {

using ::testing::HasSubstr;
using Step = TlsStream::Step;

class TlsTest : public ::testing::Test {
 protected:
  std::shared_ptr<TlsServer> Server(const testing::IssuedCertificate& files, const std::string& client_ca = "",
                                    bool required = false) {
    auto server = TlsServer::Open(
        {.certificate = files.certificate, .key = files.key, .client_ca = client_ca, .client_required = required});
    EXPECT_TRUE(server.has_value()) << server.error().ToString();
    return server.value_or(nullptr);
  }
  std::shared_ptr<const TlsClient> Client(const TlsClientFiles& files) {
    auto client = TlsClient::Open(files);
    EXPECT_TRUE(client.has_value()) << client.error().ToString();
    return client.value_or(nullptr);
  }

  // Connects the two; false when one of them does not want to.
  bool Meet(const TlsServer& server, const TlsClient& client, const std::string& host = "localhost",
            std::shared_ptr<TlsSessions> sessions = nullptr) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    served_.reset();
    asking_.reset();
    served_fd_.Reset(ends[0]);
    asking_fd_.Reset(ends[1]);
    served_ = server.Accept(ends[0]);
    asking_ = client.Connect(ends[1], host, std::move(sessions));
    Step server_step = Step::kWantsRead;
    Step client_step = Step::kWantsRead;
    const auto open = [](Step step) { return step == Step::kWantsRead || step == Step::kWantsWrite; };
    for (int turn = 0; turn < 10 && (open(server_step) || open(client_step)); ++turn) {
      if (open(client_step)) client_step = asking_->Handshake();
      if (open(server_step)) server_step = served_->Handshake();
    }
    return server_step == Step::kDone && client_step == Step::kDone;
  }
  // What the one says, as the other hears it.
  static std::string Say(TlsStream& from, TlsStream& to, std::string text) {
    iovec piece{text.data(), text.size()};
    EXPECT_EQ(from.Write({&piece, 1}), static_cast<ssize_t>(text.size()));
    std::string heard(text.size() + 100, '\0');
    const ssize_t count = to.Read(heard.data(), heard.size());
    return count < 0 ? "nothing" : heard.substr(0, static_cast<std::size_t>(count));
  }

  testing::TempFolder folder_;
  testing::TestAuthority authority_{folder_ / "", "authority"};
  testing::TestAuthority stranger_{folder_ / "", "stranger"};
  UniqueFd served_fd_;
  UniqueFd asking_fd_;
  std::unique_ptr<TlsStream> served_;
  std::unique_ptr<TlsStream> asking_;
};

TEST_F(TlsTest, SpeaksTheNewestVersionAndAgreesOnHttp) {
  const auto server = Server(authority_.Issue("box"));
  ASSERT_TRUE(Meet(*server, *Client({.ca = authority_.ca()})));
  EXPECT_EQ(served_->version(), "TLSv1.3");
  EXPECT_EQ(served_->protocol(), "http/1.1");
  EXPECT_EQ(asking_->protocol(), "http/1.1");
  EXPECT_EQ(served_->peer_certificate(), "");
  EXPECT_EQ(asking_->peer_certificate(), "CN=localhost");
  EXPECT_EQ(Say(*asking_, *served_, "hello"), "hello");
  EXPECT_EQ(Say(*served_, *asking_, "well"), "well");
  EXPECT_EQ(server->names(), std::vector<std::string>{"localhost"});
}

TEST_F(TlsTest, ReadingNeverWaitsAndTellsTheTwoEndsApart) {
  const auto server = Server(authority_.Issue("box"));
  const auto client = Client({.ca = authority_.ca()});
  char byte = 0;
  ASSERT_TRUE(Meet(*server, *client));
  EXPECT_EQ(served_->Read(&byte, 1), -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_FALSE(asking_->HasEnded());
  served_->Close();
  EXPECT_TRUE(asking_->HasEnded());
  EXPECT_EQ(asking_->Read(&byte, 1), 0);
  EXPECT_EQ(asking_->Read(&byte, 1), 0);
  EXPECT_FALSE(asking_->failed());

  ASSERT_TRUE(Meet(*server, *client));
  EXPECT_EQ(Say(*served_, *asking_, ""), "nothing");  // takes the session in
  served_fd_.Reset();                                 // cut off, without close_notify
  EXPECT_TRUE(asking_->HasEnded());
  EXPECT_EQ(asking_->Read(&byte, 1), -1);
  EXPECT_EQ(errno, EPROTO);
  EXPECT_THAT(asking_->problem().message, HasSubstr("without the end of TLS"));
}

// What stands before the end is heard first, and the end is not left to an event that may never come.
TEST_F(TlsTest, AnEndBehindDataIsAnnounced) {
  ASSERT_TRUE(Meet(*Server(authority_.Issue("box")), *Client({.ca = authority_.ca()})));
  std::string text = "last";
  iovec piece{text.data(), text.size()};
  ASSERT_EQ(asking_->Write({&piece, 1}), 4);
  asking_->Close();
  std::string heard(100, '\0');
  EXPECT_EQ(served_->Read(heard.data(), heard.size()), 4);
  EXPECT_TRUE(served_->has_more());
  EXPECT_EQ(served_->Read(heard.data(), heard.size()), 0);
}

TEST_F(TlsTest, MoreThanABufferHoldsIsAnnounced) {
  ASSERT_TRUE(Meet(*Server(authority_.Issue("box")), *Client({.ca = authority_.ca()})));
  std::string text(1'000, 'x');
  iovec piece{text.data(), text.size()};
  ASSERT_EQ(asking_->Write({&piece, 1}), 1'000);
  std::string heard(600, '\0');
  EXPECT_EQ(served_->Read(heard.data(), heard.size()), 600);
  EXPECT_TRUE(served_->has_more());
  EXPECT_EQ(served_->Read(heard.data(), heard.size()), 400);
  EXPECT_FALSE(served_->has_more());
}

TEST_F(TlsTest, WhatTheSocketDoesNotTakeIsTakenUpAgain) {
  ASSERT_TRUE(Meet(*Server(authority_.Issue("box")), *Client({.ca = authority_.ca()})));
  std::string text;
  for (int i = 0; text.size() < 3u << 20; ++i) text += std::to_string(i);
  std::string heard;
  std::string buffer(64u << 10, '\0');
  std::size_t written = 0;
  bool was_full = false;
  while (heard.size() < text.size()) {
    if (written < text.size()) {
      std::string moved = text.substr(written);  // from another place each time
      iovec piece{moved.data(), moved.size()};
      const ssize_t count = served_->Write({&piece, 1});
      if (count > 0) written += static_cast<std::size_t>(count);
      was_full = was_full || (count < 0 && errno == EAGAIN) || written < text.size();
    }
    const ssize_t count = asking_->Read(buffer.data(), buffer.size());
    if (count > 0) heard.append(buffer, 0, static_cast<std::size_t>(count));
    ASSERT_FALSE(asking_->failed() || served_->failed());
  }
  EXPECT_TRUE(was_full);
  EXPECT_EQ(heard, text);
}

TEST_F(TlsTest, TheServersCertificateIsVerifiedWithItsName) {
  const auto server = Server(authority_.Issue("box"));
  EXPECT_FALSE(Meet(*server, *Client({.ca = stranger_.ca()})));
  EXPECT_EQ(asking_->problem().code, ErrorCode::kUnauthenticated);
  EXPECT_THAT(asking_->problem().message, HasSubstr("--ca"));
  EXPECT_EQ(served_->problem().code, ErrorCode::kUnauthenticated);  // the client's alert says why
  EXPECT_FALSE(Meet(*server, *Client({.ca = authority_.ca()}), "other.example"));
  EXPECT_THAT(asking_->problem().message, HasSubstr("another name"));
  EXPECT_FALSE(Meet(*server, *Client({.ca = authority_.ca()}), "127.0.0.2"));
  EXPECT_THAT(asking_->problem().message, HasSubstr("another name"));
  EXPECT_TRUE(Meet(*server, *Client({.ca = authority_.ca()}), "127.0.0.1"));
  EXPECT_FALSE(Meet(*server, *Client({}))) << "the machine does not trust an authority of the test";
  // The server's own certificate may be named in the place of an authority.
  EXPECT_TRUE(Meet(*server, *Client({.ca = folder_ / "box.pem"})));
}

TEST_F(TlsTest, AClientsCertificateIsVerifiedAndNamed) {
  const auto files = authority_.Issue("box");
  const auto me = authority_.Issue("me", {.name = "me", .alternatives = ""});
  const auto enemy = stranger_.Issue("enemy", {.name = "me", .alternatives = ""});
  const auto mine = Client({.ca = authority_.ca(), .certificate = me.certificate, .key = me.key});
  const auto nobody = Client({.ca = authority_.ca()});
  const auto forged = Client({.ca = authority_.ca(), .certificate = enemy.certificate, .key = enemy.key});

  const auto wishes = Server(files, authority_.ca());
  ASSERT_TRUE(Meet(*wishes, *mine));
  EXPECT_EQ(served_->peer_certificate(), "CN=me");
  ASSERT_TRUE(Meet(*wishes, *nobody));
  EXPECT_EQ(served_->peer_certificate(), "");
  Meet(*wishes, *forged);  // by TLS 1.3 the client's handshake is done before the server has looked
  EXPECT_TRUE(served_->failed());
  EXPECT_THAT(served_->problem().message, HasSubstr("the client's certificate is not signed by"));

  const auto requires_it = Server(files, authority_.ca(), true);
  ASSERT_TRUE(Meet(*requires_it, *mine));
  Meet(*requires_it, *nobody);
  EXPECT_TRUE(served_->failed());
  EXPECT_THAT(served_->problem().message, HasSubstr("shows no certificate"));
  char byte = 0;
  EXPECT_EQ(asking_->Read(&byte, 1), -1);
  EXPECT_EQ(asking_->problem().code, ErrorCode::kUnauthenticated);
  EXPECT_THAT(asking_->problem().message, HasSubstr("--cert"));
}

TEST_F(TlsTest, SessionsAreResumedWithTheCertificateOfTheFirst) {
  const auto files = authority_.Issue("box");
  const auto me = authority_.Issue("me", {.name = "me", .alternatives = ""});
  const auto server = Server(files, authority_.ca(), true);
  const auto client = Client({.ca = authority_.ca(), .certificate = me.certificate, .key = me.key});
  const auto sessions = std::make_shared<TlsSessions>();
  ASSERT_TRUE(Meet(*server, *client, "localhost", sessions));
  EXPECT_FALSE(asking_->resumed());
  EXPECT_EQ(Say(*served_, *asking_, "hello"), "hello");
  ASSERT_NE(sessions->last(), nullptr);
  ASSERT_TRUE(Meet(*server, *client, "localhost", sessions));
  EXPECT_TRUE(asking_->resumed());
  EXPECT_EQ(served_->peer_certificate(), "CN=me");
  EXPECT_EQ(Say(*asking_, *served_, "hello"), "hello");

  // Another context reads no tickets of this one: no session outlives a change of the authorities.
  ASSERT_TRUE(server->Reload().has_value());
  ASSERT_TRUE(Meet(*server, *client, "localhost", sessions));
  EXPECT_FALSE(asking_->resumed());
}

TEST_F(TlsTest, ChangedFilesAreReadOnceTheyHaveSettled) {
  auto files = authority_.Issue("box", {.name = "first"});
  const auto server = Server(files);
  const auto client = Client({.ca = authority_.ca()});
  const auto serves = [&] {
    EXPECT_TRUE(Meet(*server, *client));
    return asking_->peer_certificate();
  };
  server->Refresh();
  server->Refresh();
  EXPECT_EQ(serves(), "CN=first");
  authority_.Issue("box", {.name = "second"});
  server->Refresh();
  EXPECT_EQ(serves(), "CN=first") << "the files may be about to change further";
  ASSERT_TRUE(Meet(*server, *client));
  server->Refresh();
  EXPECT_EQ(Say(*asking_, *served_, "hello"), "hello") << "an open connection outlives the rotation";
  EXPECT_EQ(serves(), "CN=second");

  const std::string key = *ReadFile(files.key);
  authority_.Issue("box", {.name = "third"});
  ASSERT_TRUE(WriteFileAtomically(files.key, key).has_value());  // of the second certificate
  server->Refresh();
  server->Refresh();
  EXPECT_EQ(serves(), "CN=second") << "a bad pair leaves what is in use";
  EXPECT_FALSE(server->Reload().has_value());
  authority_.Issue("box", {.name = "fourth"});
  ASSERT_TRUE(server->Reload().has_value());
  EXPECT_EQ(serves(), "CN=fourth");
}

}  // namespace
}  // namespace keelson::io

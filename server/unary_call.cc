#include "server/unary_call.h"

#include <utility>

#include "server/error.h"

namespace repscore::server {
namespace {

class UnaryCall final : public grpc::ServerUnaryReactor, public Call {
 public:
  UnaryCall(Parts& parts,
            const grpc::CallbackServerContext& context,
            const char* method)
      : Call(parts.calls, context, method), parts_(parts) {}

  void AnswerOnDisk(Answer answer) {
    absl::Status status = Enter();
    if (status.ok()) {
      status = parts_.disk.Submit(
          [this, answer = std::move(answer)] { AnswerNow(answer); });
    }
    if (!status.ok()) {
      Finish(Outcome(status));
    }
  }

  void AnswerNow(const Answer& answer) { Finish(Outcome(NoThrow(answer))); }

  void OnDone() override {
    Leave();
    delete this;
  }

 private:
  Parts& parts_;
};

}  // namespace

grpc::ServerUnaryReactor* AnswerOnDisk(Parts& parts,
                                       grpc::CallbackServerContext* context,
                                       const char* method,
                                       Answer answer) {
  auto* call = new UnaryCall(parts, *context, method);
  call->AnswerOnDisk(std::move(answer));
  return call;
}

grpc::ServerUnaryReactor* AnswerNow(Parts& parts,
                                    grpc::CallbackServerContext* context,
                                    const char* method,
                                    const Answer& answer) {
  auto* call = new UnaryCall(parts, *context, method);
  call->AnswerNow(answer);
  return call;
}

}  // namespace repscore::server

#include "program_parts.h"

#include <string>

namespace quantwright {

const std::shared_ptr<SessionData>& session_of(const Named& value, const std::shared_ptr<ProgramData>& program) {
  const std::shared_ptr<SessionData>& session = unwrap<Session>(value.value, value.name).data();
  if (session->program != program) throw invalid(value.value.Env(), value.name + " belongs to another program.");
  return session;
}

RunPart run_part(Napi::Env env, const std::shared_ptr<SessionData>& session, const Named& input, const Named& rows, std::vector<Napi::ObjectReference>& keep) {
  constexpr qw_rows kinds[] = {QW_ROWS_ALL, QW_ROWS_LAST, QW_ROWS_NONE};
  RunPart part{Turn(env, session), {}, nullptr, 0, kinds[choice(rows, {"all", "last", "none"})]};
  const int64_t width = qw_program_input_width(part.turn.program());
  if (width == 0) {
    const Array<int32_t> view = integers(input, -1);
    part.tokens.assign(view.data, view.data + view.length);
    part.count = int64_t(view.length);
  } else {
    Array<float> view = floats(input, -1);
    if (int64_t(view.length) % width != 0) {
      throw invalid(env, input.name + " has " + std::to_string(view.length) + " elements, which is not a multiple of the width " + std::to_string(width) + ".");
    }
    part.hidden = view.data;
    part.count = int64_t(view.length) / width;
    keep.push_back(std::move(view.keep));
  }
  if (part.count > qw_session_capacity(session->session)) {  // before the result is allocated
    throw invalid(env, "The run needs room for " + std::to_string(part.count) + " tokens, but the session can hold " +
                           std::to_string(qw_session_capacity(session->session)) + ": create it with a larger capacity.");
  }
  return part;
}

std::vector<ListedPart> listed_parts(const Named& list, const std::shared_ptr<ProgramData>& program) {
  const Napi::Env env = list.value.Env();
  if (!list.value.IsArray() || list.value.As<Napi::Array>().Length() == 0) throw invalid(env, list.name + " must be an array of at least one part.");
  const Napi::Array array = list.value.As<Napi::Array>();
  std::vector<ListedPart> parts;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Named object{array.Get(i), list.name + "[" + std::to_string(i) + "]"};
    const auto& session = session_of(field(object, "session"), program);
    for (size_t earlier = 0; earlier < parts.size(); ++earlier) {
      if (parts[earlier].session == session) {
        throw invalid(env, object.name + " has the same session as part " + std::to_string(earlier) + "; give every sequence its own.");
      }
    }
    parts.push_back({object, session});
  }
  return parts;
}

}  // namespace quantwright

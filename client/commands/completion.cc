// `normlab completion`: the script that teaches a shell to complete normlab's commands. It asks `normlab complete`.
#include "client/commands/command.h"

namespace normlab::client {
namespace {

constexpr char kBash[] = R"(# bash completion for normlab. Use it: source <(normlab completion bash)
_normlab() {
  local kind
  { read -r kind; mapfile -t COMPREPLY; } < <(normlab complete bash -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [[ $kind == files ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]#=}")
  fi
}
complete -F _normlab normlab
)";

// Works as a file of $fpath, which zsh runs at the first use, and when it is sourced.
constexpr char kZsh[] = R"(#compdef normlab
# zsh completion for normlab. Use it: source <(normlab completion zsh), after compinit
_normlab() {
  local -a answer offered
  answer=("${(@f)$(normlab complete zsh -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  offered=("${(@)answer[2,-1]}")
  if (( $#offered )); then _describe normlab offered; fi
  if [[ $answer[1] == files ]]; then
    compset -P '--*='
    _files
  fi
}
if [[ $funcstack[1] == _normlab ]]; then _normlab "$@"; else compdef _normlab normlab; fi
)";

constexpr char kFish[] =
    R"(# fish completion for normlab. Use it: normlab completion fish > ~/.config/fish/completions/normlab.fish
function __normlab_offer
  set -l words (commandline -opc) (commandline -ct)
  set -l answer (normlab complete fish -- $words[2..] 2>/dev/null)
  if test "$answer[1]" = files
    __fish_complete_path (commandline -ct)
  end
  printf '%s\n' $answer[2..]
end
complete -c normlab -f -a '(__normlab_offer)'
)";

}  // namespace

void AddCompletion(CLI::App& app, Session& session) {
  CLI::App* command = AddLocalCommand(
      app, session,
      {kMore,
       "completion",
       "Print shell completion of commands, options, fields and their values, and of what the server knows: jobs, "
       "series, labels, papers",
       {"source <(normlab completion bash)          now; to keep it, put the line into ~/.bashrc",
        "source <(normlab completion zsh)           after compinit, in ~/.zshrc",
        "normlab completion fish > ~/.config/fish/completions/normlab.fish"},
       ""});
  auto shell = std::make_shared<std::string>();
  AddChoice(session, *command, "SHELL", *shell, {"bash", "zsh", "fish"}, "shell")->required();
  command->callback([&session, shell] {
    session.action = [&session, shell]() -> absl::StatusOr<int> {
      session.Print(*shell == "bash" ? kBash : *shell == "zsh" ? kZsh : kFish);
      return kExitOk;
    };
  });
}

}  // namespace normlab::client

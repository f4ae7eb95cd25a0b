// `normlab completion`: the script that teaches a shell to complete normlab's commands.
#include "client/completion.h"

#include "client/commands/command.h"

namespace normlab::client {

void AddCompletion(CLI::App& app, Session& session) {
  CLI::App* command =
      AddLocalCommand(app, session,
                      {kMore,
                       "completion",
                       "Print shell completion of commands, options, field values and job ids",
                       {"source <(normlab completion bash)          now; to keep it, put the line into ~/.bashrc",
                        "source <(normlab completion zsh)           after compinit, in ~/.zshrc",
                        "normlab completion fish > ~/.config/fish/completions/normlab.fish"},
                       ""});
  auto shell = std::make_shared<std::string>();
  AddChoice(session, *command, "SHELL", *shell, {"bash", "zsh", "fish"}, "shell")->required();
  command->callback([&session, &app, shell] {
    session.action = [&session, &app, shell]() -> absl::StatusOr<int> {
      const auto tree = CompletionTree(app, session.choices);
      session.Print(*shell == "bash"  ? BashCompletion(tree)
                    : *shell == "zsh" ? ZshCompletion(tree)
                                      : FishCompletion(tree));
      return kExitOk;
    };
  });
}

}  // namespace normlab::client

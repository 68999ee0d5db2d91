import type { Command } from '../../command.ts'
import { UsageError, type ExitCode } from '../../exit.ts'
import { printOne } from '../../watching.ts'
import { completionScript, SHELLS, type Shell } from '../../parse/completion-script.ts'

/** `agentfleet completion`: a script that makes the shell complete commands and options. */
export const completion: Command = {
  name: 'completion',
  summary: 'print a script with which your shell completes commands and options',
  usages: [`completion ${SHELLS.join('|')}`],
  words: SHELLS,
  notes: [
    'For bash and zsh: source <(agentfleet completion bash)',
    'For fish: agentfleet completion fish | source',
  ],
  async run(context, { args }): Promise<ExitCode> {
    const shell = SHELLS.find((name) => name === args[0]) satisfies Shell | undefined
    if (shell === undefined) throw new UsageError(`Name your shell: ${SHELLS.join(', ')}.`)
    const script = completionScript(shell, context.commands)
    return printOne(context, { shell, script }, () => script)
  },
}

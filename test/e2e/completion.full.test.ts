/** The completion scripts of the command line in fish and zsh; most machines have only bash. */
import { execFileSync } from 'node:child_process'
import { findShells, type Shell } from '@agentfleet/testkit'
import { beforeAll, expect, test } from 'vitest'
import { COMMANDS } from '../../libs/cli/src/commands/index.ts'
import { completionScript } from '../../libs/cli/src/parse/completion-script.ts'

let shells: Awaited<ReturnType<typeof findShells>>
beforeAll(async () => {
  shells = await findShells()
})

/** Runs the lines behind the completion script. */
function run({ path, env, prelude }: Shell, args: readonly string[], lines: string): string {
  return execFileSync(path, [...args, `${prelude}\n${lines}`], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
}

test('the completion script for fish completes what the script for bash completes, and each command has only its own options', () => {
  const complete = (line: string): readonly string[] => {
    const script = `${completionScript('fish', COMMANDS)}\ncomplete -C '${line}'`
    const out = run(shells.fish, ['--no-config', '-c'], script)
    return out.split('\n').flatMap((row) => row.split('\t')[0] || [])
  }
  expect(complete('agentfleet canc')).toEqual(['cancel'])
  expect(complete('agentfleet --js')).toEqual(['--json'])
  expect(complete('agentfleet help canc')).toEqual(['cancel'])
  expect(complete('agentfleet agents ver')).toEqual(['versions'])
  expect(complete('agentfleet ls --state c')).toEqual(['cancelled', 'completed'])
  expect(complete('agentfleet --url http://x ls --stat')).toEqual(['--state'])
  // `ls` is a command, too.
  expect(complete('agentfleet agents ls --stat')).toEqual([])
})

test('the completion script for zsh is accepted by a shell without a configuration', () => {
  const script = `${completionScript('zsh', COMMANDS)}\necho "$_comps[agentfleet]"`
  expect(run(shells.zsh, ['-fc'], script).trim()).toBe('_bash_complete -o default -F _agentfleet')
})

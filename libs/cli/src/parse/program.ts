/** Writes a text of the command line with the words by which its user calls the program. */
export type AsCalled = (text: string) => string

/**
 * Messages name commands as `agentfleet ls`. In a checkout that is not in the PATH only `npx` finds the program, and
 * then each command in a message begins with it, so that a person can copy the command.
 */
export function asCalledFrom(
  { npm_lifecycle_event: event }: Readonly<Record<string, string | undefined>>,
  commands: readonly { readonly name: string }[],
): AsCalled {
  if (event !== 'npx') return (text) => text
  const names = commands.map(({ name }) => name).join('|')
  const calls = new RegExp(`(?<![\\w/.-])agentfleet (?=(?:${names}|help|COMMAND)\\b)`, 'g')
  return (text) => text.replaceAll(calls, 'npx --no agentfleet ')
}

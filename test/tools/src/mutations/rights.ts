import type { Mutation } from './mutation.ts'

/** Rules of configuration, addresses and secrets. */
export const RIGHTS: readonly Mutation[] = [
  {
    name: 'server-url-rest',
    safeguard: 'the URL of a server holds only scheme, host and port, after a user and a password',
    file: 'libs/runtime/src/config.ts',
    find: "const isBare = search === '' && hash === '' && !/[?#]/.test(raw)",
    replace: "const isBare = search !== 'x' && hash !== 'x'",
    caughtBy: /refuses in the address of a server what its client would read in another way/,
  },
  {
    name: 'secret-ends',
    safeguard: 'blanks and line ends around a secret do not count',
    file: 'libs/runtime/src/config.ts',
    find: 'const direct = isSecret ? given?.trim() : given',
    replace: 'const direct = given',
    caughtBy: /are the same from a file and from a variable/,
  },
  {
    name: 'header-secret',
    safeguard: 'a secret that no header carries is refused before a client repeats it',
    file: 'libs/runtime/src/config.ts',
    find: 'return /^[!-~]*$/.test(text)',
    replace: 'return text !== undefined',
    caughtBy: /are refused without being shown when no header carries them/,
  },
]

import type { Mutation } from './mutation.ts'

/** The page: what stays in view, what is refused, and where a key may be. */
export const CONSOLE: readonly Mutation[] = [
  {
    name: 'page-rows-stay',
    safeguard: 'a row that only moved to the next page is not shown as gone',
    file: 'libs/console/page/tasks/list.ts',
    find: 'else if (tasks.length === 0 || row.createdAt > oldest) gone.add(row.id)',
    replace: 'else gone.add(row.id)',
    test: 'libs/console/test/task-list.test.ts',
    caughtBy: /counts a new task without moving any row/,
  },
  {
    name: 'page-old-run',
    safeguard: 'the page shows no text of a run that a newer run has replaced (L3)',
    file: 'libs/console/page/task/live-text.ts',
    find: 'if (before !== undefined && (attempt < before.attempt || run < before.run)) return before',
    replace: '',
    test: 'libs/console/test/task.test.ts',
    caughtBy: /late parts of the older run are dropped/,
  },
  {
    name: 'page-refusal-shown',
    safeguard: 'a refusal that belongs to no field of a form is not hidden behind one that does',
    file: 'libs/console/page/parts/forms/problems.ts',
    find: 'found.every(({ at }) => at !== undefined)',
    replace: 'found.some(({ at }) => at !== undefined)',
    test: 'libs/console/test/forms.test.ts',
    caughtBy: /shows each refused value at its field/,
  },
  {
    name: 'page-snippet-quotes',
    safeguard: 'the text of a task cannot become a command of the shell that runs a copied snippet',
    file: 'libs/console/page/task/code.ts',
    find: "return `'${text.replaceAll(\"'\", String.raw`'\\''`)}'`",
    replace: "return `'${text}'`",
    test: 'libs/console/test/task.test.ts',
    caughtBy: /the code snippet for a task contains the task/,
  },
  {
    name: 'page-key-forgotten',
    safeguard: 'a refused key does not stay in the storage of the tab',
    file: 'libs/console/page/api/key.ts',
    find: "remember(NAME, undefined, 'sessionStorage')",
    replace: '',
    test: 'libs/console/test/key.test.ts',
    caughtBy: /a key that the API refuses is gone from the tab/,
  },
  {
    name: 'page-key-returns',
    safeguard: 'another tab cannot give back the key that was just refused',
    file: 'libs/console/page/api/key.ts',
    find: 'data.key !== undefined && data.key !== refusedKey.value?.key',
    replace: 'data.key !== undefined',
    test: 'libs/console/test/key.test.ts',
    caughtBy: /another tab cannot give it back/,
  },
  {
    name: 'page-key-late-refusal',
    safeguard:
      'the refusal of an old key does not take away the key that the reader entered meanwhile',
    file: 'libs/console/page/api/http.ts',
    find: 'sent.key === undefined && apiKey.value === used',
    replace: 'sent.key === undefined',
    test: 'libs/console/test/key.test.ts',
    caughtBy: /a refusal of the key before does not take away/,
  },
]

import { useEffect, useRef } from 'preact/hooks'
import { helpOpen, setSingleKeys, singleKeys } from './keys.ts'
import { VIEWS } from './routes.ts'

const KEYS: readonly (readonly [keys: string, does: string])[] = [
  ['/ or Ctrl K', 'search'],
  ['j, k', 'next and previous row'],
  ['x', 'select the row'],
  ['Enter', 'open the row'],
  ['[, ]', 'task before and after'],
  ['.', 'pause or resume'],
  ['?', 'this list'],
  ...VIEWS.map(({ key, title }) => [`g ${key}`, title] as const),
]

/** The dialog that lists the keys. */
export function Help() {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} aria-labelledby="help-title" onClose={() => (helpOpen.value = false)}>
      <h2 id="help-title">Shortcuts</h2>
      <dl class="keys">
        {KEYS.map(([keys, does]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <label>
        <input
          type="checkbox"
          checked={singleKeys.value}
          onChange={({ currentTarget }) => setSingleKeys(currentTarget.checked)}
        />{' '}
        Single letters are commands
      </label>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  )
}

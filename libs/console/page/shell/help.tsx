import { Button } from '../parts/button.tsx'
import { Dialog } from '../parts/forms/dialog.tsx'
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
  return (
    <Dialog title="Shortcuts" closed={() => (helpOpen.value = false)}>
      {(close) => (
        <>
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
          <p>
            <Button act={close}>Close</Button>
          </p>
        </>
      )}
    </Dialog>
  )
}

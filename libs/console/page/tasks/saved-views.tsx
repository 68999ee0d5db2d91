import { useState } from 'preact/hooks'
import { Button } from '../parts/button.tsx'
import { recall, remember } from '../shell/remembered.ts'
import { linkTo, place } from '../shell/router.ts'
import { NAME_CHARS_MAX, VIEWS_MAX, viewsIn, withView, type SavedView } from './saved.ts'

const KEY = 'agentfleet.views'

/** The reader's named views: the filters of each are an address. `words` are the filters of the shown list. */
export function SavedViews({ words }: { words: string }) {
  const [views, setViews] = useState(() => viewsIn(recall(KEY)))
  const [name, setName] = useState('')
  const store = (next: readonly SavedView[]) => {
    setViews(next)
    remember(KEY, JSON.stringify(next))
  }
  const full = views.length >= VIEWS_MAX
  const save = (event: Event) => {
    event.preventDefault()
    if (full) return
    // Another tab may have saved a view meanwhile.
    const given = name.trim() || words || 'all tasks'
    store(withView(viewsIn(recall(KEY)), { name: given, query: place.value.query }))
    setName('')
  }
  return (
    <details>
      <summary>Saved views{views.length > 0 && ` (${views.length})`}</summary>
      {views.length === 0 && (
        <p class="empty">You have saved no view. A saved view keeps the filters of the list.</p>
      )}
      <ul class="plain">
        {views.map((view) => (
          <li key={view.name} class="row">
            <a href={linkTo('tasks', undefined, view.query)}>
              <bdi>{view.name}</bdi>
            </a>
            <Button
              aria-label={`Remove the view ${view.name}`}
              act={() => store(viewsIn(recall(KEY)).filter((each) => each.name !== view.name))}
            >
              Remove
            </Button>
          </li>
        ))}
      </ul>
      <form class="row" onSubmit={save}>
        <label>
          Name of the view{' '}
          <input
            value={name}
            maxLength={NAME_CHARS_MAX}
            placeholder={words.slice(0, NAME_CHARS_MAX) || 'all tasks'}
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
        </label>
        <button type="submit" disabled={full}>
          Save this view
        </button>
        {full && <span>{VIEWS_MAX} views are saved, the most possible. Remove one first.</span>}
      </form>
    </details>
  )
}

import { useState } from 'preact/hooks'
import { Button } from '../parts/button.tsx'
import { Select } from '../parts/filters/select.tsx'
import { apiKey, forgetKey } from '../api/key.ts'
import { paused } from '../api/load.ts'
import { me } from '../api/me.ts'
import { Connection } from './connection.tsx'
import { helpOpen } from './keys.ts'
import { linkTo, openPath } from './router.ts'
import { placeFor } from './routes.ts'
import { setTheme, theme, THEMES } from './theme.ts'
import { setZone, zone } from './zone.ts'

/** The bar above every view: search, connection, pause, look. */
export function TopBar() {
  return (
    <header class="top">
      <a class="brand" href={linkTo('now')}>
        AgentFleet
      </a>
      <Search />
      <Connection />
      <Button aria-pressed={paused.value} act={() => (paused.value = !paused.value)}>
        {paused.value ? 'Resume' : 'Pause'}
      </Button>
      <Button
        aria-pressed={zone.value === 'UTC'}
        title="Write times in UTC in place of your time zone"
        act={() => setZone(zone.value === 'UTC' ? '' : 'UTC')}
      >
        UTC
      </Button>
      {me.value !== undefined && (
        <span
          class="muted tenant"
          title={`Tenant ${me.value.tenant}, key ${me.value.keyId}: ${me.value.scopes.join(', ')}`}
        >
          Tenant <bdi>{me.value.tenant}</bdi>
        </span>
      )}
      <label class="theme">
        <span class="quiet">Look</span>
        <Select
          value={theme.value}
          of={THEMES.map((each) => [each, each] as const)}
          choose={setTheme}
        />
      </label>
      {apiKey.value !== undefined && (
        <Button
          act={() => {
            forgetKey()
            me.value = undefined
          }}
        >
          Forget key
        </Button>
      )}
      <Button aria-haspopup="dialog" act={() => (helpOpen.value = true)}>
        Shortcuts
      </Button>
    </header>
  )
}

function Search() {
  const [text, setText] = useState('')
  return (
    <form
      class="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        const path = placeFor(text)
        if (path !== undefined) openPath(path)
      }}
    >
      <input
        id="search"
        type="search"
        aria-label="Search tasks by id or words, or a node by its name"
        placeholder="Task id, words or node"
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
    </form>
  )
}

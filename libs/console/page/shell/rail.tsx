import { linkTo } from './router.ts'
import { VIEWS, type ViewName } from './routes.ts'

/** The navigation. */
export function Rail({ view }: { view: ViewName | undefined }) {
  return (
    <nav class="rail" aria-label="Views">
      <ul>
        {VIEWS.map(({ name, title }) => (
          <li key={name}>
            <a href={linkTo(name)} aria-current={name === view ? 'page' : undefined}>
              {title}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  )
}

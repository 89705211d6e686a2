import * as React from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';
import { pretty, summary } from '../../models/jsonText';
import type { ITailed } from '../../models/tail';
import { moveAmong } from '../parts/arrowKeys';

interface IMessagesProps {
  trans: TranslationBundle;
  messages: readonly ITailed[];
}

// Nearer than this to its end, the list follows what comes.
const NEAR_PX = 24;

/**
 * The newest messages, one line each; Enter or a click shows one whole, arrows go from one to the
 * other. The list follows what comes while its end is in sight.
 */
export function Messages(props: IMessagesProps): React.ReactElement {
  const { trans, messages } = props;
  const [open, setOpen] = React.useState<ReadonlySet<number>>(new Set());
  // Who reads a message is not carried away from it.
  const { list, isFollowing, follow, onScroll } = useFollowing(messages, open.size > 0);
  const [current, setCurrent] = React.useState<number | null>(null);
  const last = messages[messages.length - 1]?.index;
  const isKept = current !== null && messages.some(one => one.index === current);
  const toggle = React.useCallback(
    (index: number) => setOpen(before => toggled(before, index)),
    []
  );
  return (
    <div className="kachery-Messages">
      <ol
        ref={list}
        aria-label={trans.__('Messages')}
        onScroll={onScroll}
        onKeyDown={event => moveAmong(event, 'li > button')}
      >
        {messages.map(({ index, message }) => (
          <Message
            key={index}
            index={index}
            message={message}
            isOpen={open.has(index)}
            isCurrent={isKept ? index === current : index === last}
            trans={trans}
            onToggle={toggle}
            onFocus={setCurrent}
          />
        ))}
      </ol>
      {!isFollowing && (
        <button
          type="button"
          className="kachery-Messages-newest"
          onClick={() => {
            setOpen(new Set());
            follow();
          }}
        >
          {trans.__('Newest')} ↓
        </button>
      )}
    </div>
  );
}

interface IMessageProps extends ITailed {
  trans: TranslationBundle;
  isOpen: boolean;
  isCurrent: boolean;
  onToggle: (index: number) => void;
  onFocus: (index: number) => void;
}

const Message = React.memo(function Message(props: IMessageProps): React.ReactElement {
  const { index, message, isOpen, trans } = props;
  const item = React.useRef<HTMLLIElement>(null);
  React.useEffect(() => {
    if (isOpen) {
      item.current?.scrollIntoView({ block: 'nearest' });
    }
  }, [isOpen]);
  return (
    <li className="kachery-Message" ref={item}>
      <button
        type="button"
        aria-expanded={isOpen}
        tabIndex={props.isCurrent ? 0 : -1}
        onClick={() => props.onToggle(index)}
        onFocus={() => props.onFocus(index)}
      >
        <span className="kachery-Message-index">{index}</span>
        <bdi className="kachery-Message-text">{summary(message)}</bdi>
      </button>
      {isOpen && <Whole message={message} trans={trans} />}
    </li>
  );
});

function Whole(props: { message: unknown; trans: TranslationBundle }): React.ReactElement {
  const { text, isCut } = React.useMemo(() => pretty(props.message), [props.message]);
  return (
    <>
      <pre tabIndex={0}>{text}</pre>
      {isCut && (
        <p className="kachery-Message-cut">{props.trans.__('The rest is left out here.')}</p>
      )}
    </>
  );
}

/** Keeps the end of a list in sight, unless it is held or somebody scrolled away from it. */
function useFollowing(
  messages: readonly ITailed[],
  isHeld: boolean
): {
  list: React.RefObject<HTMLOListElement>;
  isFollowing: boolean;
  follow: () => void;
  onScroll: () => void;
} {
  const list = React.useRef<HTMLOListElement>(null);
  const [isAtEnd, setAtEnd] = React.useState(true);
  const isFollowing = isAtEnd && !isHeld;
  React.useLayoutEffect(() => {
    const node = list.current;
    if (node && isFollowing) {
      node.scrollTop = node.scrollHeight;
    }
  }, [messages, isFollowing]);
  React.useLayoutEffect(() => {
    const node = list.current;
    if (!node || !isFollowing) {
      return undefined;
    }
    // A list that gets lower shows its end all the same.
    const observer = new ResizeObserver(() => {
      node.scrollTop = node.scrollHeight;
    });
    observer.observe(node);
    return () => observer.disconnect();
  }, [isFollowing]);
  const onScroll = (): void => {
    const node = list.current;
    if (node) {
      setAtEnd(node.scrollHeight - node.scrollTop - node.clientHeight < NEAR_PX);
    }
  };
  return { list, isFollowing, follow: () => setAtEnd(true), onScroll };
}

function toggled(before: ReadonlySet<number>, index: number): ReadonlySet<number> {
  const after = new Set(before);
  if (!after.delete(index)) {
    after.add(index);
  }
  return after;
}

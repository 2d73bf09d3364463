/* The conversation: items in order, changed in place, in a box that follows its end while the reader is there. */
import { appendHtml, el, setHtml } from './dom';
import type { Item } from './messages';

/** One item's elements. What a question needs is put into `slot`, which an update leaves alone. */
class Row {
  readonly element: HTMLElement;
  readonly slot = el('div', { class: 'nbagents-slot' });
  private readonly who = el('h3', { class: 'nbagents-who' });
  private readonly title = el('span', { class: 'nbagents-title' });
  private readonly label = el('span', { class: 'nbagents-label' });
  private readonly head = el('div', { class: 'nbagents-cardhead' }, this.title, this.label);
  private readonly body = el('div', { class: 'nbagents-body' });
  private readonly tail = el('div', { class: 'nbagents-body nbagents-tail' });
  private html = '';

  constructor(public item: Item) {
    const card = el('div', { class: 'nbagents-card' }, this.head, this.body, this.tail, this.slot);
    this.element = el('section', { class: `nbagents-item nbagents-${item.kind}` }, this.who, card);
  }

  show(item: Item): void {
    this.item = item;
    this.element.dataset.state = item.state;
    this.head.hidden = !item.title;
    this.title.textContent = [item.title, item.agent].filter(Boolean).join(' · ');
    this.label.textContent = item.label;
    if (item.html !== this.html) setHtml(this.body, item.html);
    this.html = item.html;
    this.body.hidden = !item.html;
    setHtml(this.tail, item.tail ?? '');
  }

  write(html: string, tail: string): void {
    this.body.hidden = false;
    appendHtml(this.body, html);
    setHtml(this.tail, tail);
  }

  /** Whose words begin here; said once for all that one agent says in a turn. */
  begin(before: Item | undefined): void {
    const { turn, agent, kind } = this.item;
    this.who.hidden = kind === 'resumed' || (before !== undefined && before.turn === turn && before.agent === agent);
    this.who.textContent = turn ? agent : 'task';
    this.who.dataset.turn = turn ? String(turn) : '';
  }
}

export class Log {
  readonly element = el('div', { class: 'nbagents-log', role: 'region', tabindex: '0' });
  private readonly rows = new Map<string, Row>();
  private follows = true;

  constructor() {
    this.element.addEventListener('scroll', () => {
      const { scrollHeight, scrollTop, clientHeight } = this.element;
      this.follows = scrollHeight - scrollTop - clientHeight < 24;
    });
    // A picture gets its height after it was put there.
    this.element.addEventListener('load', () => this.settle(), true);
  }

  name(run: string): void {
    this.element.setAttribute('aria-label', `Conversation of run ${run}`);
  }

  /** Show these items and no others; what is there already stays. */
  reset(items: Item[]): void {
    const kept = new Set(items.map(item => item.id));
    for (const id of [...this.rows.keys()]) if (!kept.has(id)) this.drop(id);
    let after = '';
    for (const item of items) {
      this.put(item, after);
      after = item.id;
    }
  }

  put(item: Item, after: string | null): void {
    let row = this.rows.get(item.id);
    if (!row) {
      row = new Row(item);
      this.rows.set(item.id, row);
      const before = after === null ? this.element.lastElementChild : this.rows.get(after)?.element;
      if (before) before.after(row.element);
      else this.element.prepend(row.element);
    }
    row.show(item);
  }

  write(id: string, html: string, tail: string): void {
    this.rows.get(id)?.write(html, tail);
  }

  drop(id: string): void {
    this.rows.get(id)?.element.remove();
    this.rows.delete(id);
  }

  slot(id: string): HTMLElement | undefined {
    return this.rows.get(id)?.slot;
  }

  /** After changes: say whose words begin where, and follow the end. */
  settle(): void {
    const byElement = new Map([...this.rows.values()].map(row => [row.element as Element, row]));
    let before: Item | undefined;
    for (const element of this.element.children) {
      const row = byElement.get(element);
      row?.begin(before);
      before = row?.item;
    }
    if (this.follows) this.element.scrollTop = this.element.scrollHeight;
  }
}

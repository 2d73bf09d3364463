/* The person's turn: a text, "you decide", or the end of the conversation. */
import { Asking, textBox } from './asking';
import type { Channel } from './channel';
import { button, el } from './dom';
import type { Question } from './messages';

export class Reply extends Asking {
  private readonly box: HTMLTextAreaElement;

  constructor(question: Question, channel: () => Channel) {
    super(question, 'Your reply', channel);
    this.element.tabIndex = -1;
    this.box = textBox('Your reply', '');
    this.box.placeholder = 'Your reply…';
    this.fill(
      el('p', { class: 'nbagents-prompt' }, question.prompt || 'It is your turn.'),
      this.box,
      button('Send', 'nbagents-primary', () => this.reply()),
      button('You decide', '', () => this.send({ decision: 'decide' })),
      button('End here', 'nbagents-quiet', () => this.send({ decision: 'end', text: this.box.value.trim() })),
    );
  }

  override focus(): void {
    this.box.focus({ preventScroll: true });
  }

  private reply(): void {
    const text = this.box.value.trim();
    if (text) this.send({ decision: 'reply', text });
    else this.say('write a reply first, or press You decide');
  }

  protected key(event: KeyboardEvent): void {
    if (event.isComposing || event.target !== this.box) return;
    if (event.key === 'Escape') this.box.blur();
    else if (event.key === 'Enter' && !event.shiftKey) this.reply();
    else return;
    event.preventDefault();
  }
}

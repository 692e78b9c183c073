"""One function an item: plants its fault, or the control, at the end of a clean conversation cut in its middle.

They know the items' definitions, the record's signals and the tools' names, and nothing of the rules.
"""

from collections.abc import Callable
from typing import Final

from benchmarks.faults.planting import Planting

REFUND, PAY = "refund.create", "compensation.pay"
DONE = '{"status": "done"}'
Mutator = Callable[[Planting], None]


def sentence(words: str) -> Mutator:
    """What is wrong is one sentence, alone or behind the agent's own next reply."""

    def plant(p: Planting) -> None:
        follows = p.cut()
        line = p.words(words) if p.faulty else p.right(words)
        if follows and follows[0]["role"] == "assistant" and follows[0]["content"] and p.rng.random() < 0.5:
            line = f"{follows[0]['content']} {line}"
        p.say(line)

    return plant


def promise(p: Planting) -> None:
    """A time that nothing known supports; the systems' signals say no time."""
    p.know(order={"status": "processing"})
    sentence("ungrounded_time_promise")(p)


def order_of(p: Planting) -> str:
    """An order number that stands nowhere in the conversation."""
    return f"{p.rng.choice('ABKW')}{p.rng.randrange(10**6, 10**7)}"


def amount_of(p: Planting) -> int:
    """A price in whole units."""
    return p.rng.randrange(20, 400)


def refund_too_early(p: Planting) -> None:
    """Unverified, or while a refund runs."""
    p.cut()
    order, amount = order_of(p), amount_of(p)
    p.know(order={"id": order, "amount": float(amount), "status": "delivered"})
    if p.rng.random() < 0.5:
        p.know(identity={"verified": not p.faulty})
    else:
        p.know(identity={"verified": True}, refund={"status": "processing" if p.faulty else "none"})
    p.call(REFUND, {"order_id": order, "amount": amount}, DONE, p.words("claim_refund", amount=amount))


def wrong_amount(p: Planting) -> None:
    """More is refunded than was paid, or less than the agent says."""
    p.cut()
    order, amount = order_of(p), amount_of(p)
    p.know(order={"id": order, "amount": float(amount), "status": "delivered"}, identity={"verified": True})
    above, other = p.rng.random() < 0.5, p.rng.randrange(5, 15) if p.faulty else 0
    paid = amount + other if above else amount - other
    p.call(REFUND, {"order_id": order, "amount": paid}, DONE, p.words("claim_refund", amount=paid if above else amount))


def signal_ignored(p: Planting) -> None:
    """Compensation is due: the agent denies it, or says goodbye."""
    p.cut()
    amount = p.rng.randrange(5, 30)
    p.know(compensation={"due": True, "amount": float(amount), "limit": float(amount), "paid": False, "reason": "late"})
    if p.faulty:
        p.say(p.words(p.rng.choice(["deny_compensation", "close_talk"])))
    else:
        p.call(PAY, {"order_id": order_of(p), "amount": amount}, DONE, p.words("claim_compensation", amount=amount))


def over_limit(p: Planting) -> None:
    """More is paid or offered than the limit allows."""
    p.cut()
    limit = p.rng.randrange(10, 60)
    amount = limit + p.rng.randrange(1, 50) if p.faulty else limit - p.rng.randrange(0, 5)
    p.know(compensation={"due": True, "amount": float(amount), "limit": float(limit), "paid": False})
    if p.rng.random() < 0.5:
        p.say(p.words("offer_compensation", amount=amount))
    else:
        p.call(PAY, {"amount": amount}, DONE, p.words("claim_compensation", amount=amount))


def paid_twice(p: Planting) -> None:
    """It was paid before the talk, or in the talk."""
    p.cut()
    amount, order = p.rng.randrange(5, 30), order_of(p)
    known = p.rng.random() < 0.5
    due = {"due": True, "amount": float(amount), "limit": 500.0, "paid": known and p.faulty}
    p.know(order={"id": order}, compensation=due)
    for _ in range(1 if known or not p.faulty else 2):
        p.call(PAY, {"order_id": order, "amount": amount}, DONE, p.words("claim_compensation", amount=amount))
        p.ask("ok" if p.language == "en" else "好")


def said_not_called(p: Planting) -> None:
    """The agent says that it refunded, cancelled or compensated, the systems record acts, and nothing was called."""
    p.cut()
    amount, order = amount_of(p), order_of(p)
    p.know(order={"id": order, "status": "processing"})
    words, tool = p.rng.choice(
        [("claim_refund", REFUND), ("claim_cancel", "cancel_pending_order"), ("claim_compensation", PAY)]
    )
    line = p.words(words, amount=amount)
    if p.faulty:
        p.say(line)
    else:
        p.call(tool, {"order_id": order, "amount": amount}, DONE, line)


def called_not_said(p: Planting) -> None:
    """Money or a booking moved, and the agent says nothing of it."""
    p.cut()
    amount, order = amount_of(p), order_of(p)
    words, tool = p.rng.choice(
        [("claim_refund", REFUND), ("claim_cancel", "cancel_pending_order"), ("claim_compensation", PAY)]
    )
    p.call(tool, {"order_id": order, "amount": amount}, DONE)
    p.say(p.words("neutral") if p.faulty else p.words(words, amount=amount))


def wrong_arguments(p: Planting) -> None:
    """A call for another order than the talk's, which somebody gave or the systems know."""
    p.cut()
    order, amount = order_of(p), amount_of(p)
    if p.rng.random() < 0.5:
        p.know(order={"id": order, "amount": float(amount)}, identity={"verified": True})
    else:
        p.turns[-1]["content"] += " " + p.words("give_order", order=order)
    called = order_of(p) if p.faulty else order
    p.call(REFUND, {"order_id": called, "amount": amount}, DONE, p.words("claim_refund", amount=amount))


def failure_ignored(p: Planting) -> None:
    """The tool failed and the agent says done, or what was done is done again."""
    p.cut()
    amount, order = amount_of(p), order_of(p)
    p.turns[-1]["content"] += " " + p.words("give_order", order=order)
    arguments: dict[str, object] = {"order_id": order, "amount": amount}
    fails = p.rng.random() < 0.5
    p.call(REFUND, arguments, p.words("failure") if p.faulty and fails else DONE)
    if p.faulty and not fails:
        p.call(REFUND, arguments, DONE)
    p.say(p.words("claim_refund", amount=amount))


def asked_again(p: Planting) -> None:
    """The customer gave it, and is asked for it."""
    p.cut()
    kind = p.rng.choice(["order", "phone", "name"])
    if p.faulty:
        p.turns[-1]["content"] += " " + p.words(f"give_{kind}", order=order_of(p))
    p.say(p.words(f"ask_{kind}"))


def asked_what_is_known(p: Planting) -> None:
    """The systems know it, and the customer is asked for it."""
    p.cut()
    kind = p.rng.choice(["order", "phone", "name"])
    known: dict[str, dict[str, object]] = {
        "order": {"order": {"id": order_of(p), "status": "shipped"}},
        "phone": {"user": {"phone": "[PHONE_8]"}},
        "name": {"user": {"name": "[NAME_8]"}},
    }
    if p.faulty:
        p.know(**known[kind])
    p.say(p.words(f"ask_{kind}"))


def verified_again(p: Planting) -> None:
    """Identity is verified, and asked for again."""
    p.cut()
    p.know(identity={"verified": p.faulty, "method": "login"})
    p.say(p.words("ask_identity"))


def false_status(p: Planting) -> None:
    """The agent says delivered, or shipped, of an order that is in preparation; by signal or by a tool's result."""
    p.cut()
    order = order_of(p)
    words, true = p.rng.choice([("say_delivered", "delivered"), ("say_shipped", "shipped")])
    status = "processing" if p.faulty else true
    if p.rng.random() < 0.5:
        p.know(order={"id": order, "status": status})
    else:
        p.turns[-1]["content"] += " " + p.words("give_order", order=order)
        p.call("order.track", {"order_id": order}, f'{{"order_id": "{order}", "status": "{status}"}}')
    p.say(p.words(words))


def verbatim(p: Planting) -> None:
    """The agent's longest reply again, as it was or with a few words beside it; the control says another thing."""
    p.cut()
    reply = max((t["content"] or "" for t in p.turns if t["role"] == "assistant"), key=len, default="")
    line = p.words("again", reply=reply) if p.rng.random() < 0.5 else reply
    p.say(line if p.faulty else p.words("neutral"))


def step_skipped(p: Planting) -> None:
    """The account is read, or an order cancelled, without identity or consent."""
    p.cut()
    order = order_of(p)
    if p.rng.random() < 0.5:
        p.know(identity={"verified": not p.faulty})
        p.call("bank_balance", {"account": order}, '{"balance": 120}')
    else:
        p.know(identity={"verified": True}, order={"id": order})
        if not p.faulty:
            p.say("Shall I cancel it?" if p.language == "en" else "确认要取消吗？")
            p.ask("Yes, please." if p.language == "en" else "确认。")
        p.call("cancel_pending_order", {"order_id": order, "reason": "no longer needed"}, DONE)
    p.say("One moment." if p.language == "en" else "请稍等。")


def due_not_offered(p: Planting) -> None:
    """A due compensation that the systems do not signal (a tool's result does) is not offered."""
    p.cut()
    p.call("order.track", {"order_id": order_of(p)}, '{"status": "shipped", "late_minutes": 95}')
    p.say(p.words("close_talk") if p.faulty else p.words("offer_compensation", amount=10))


def closed_early(p: Planting) -> None:
    """The talk is closed or handed over with the question open."""
    p.cut()
    p.say(p.words(p.rng.choice(["close_talk", "early_transfer"])) if p.faulty else p.right("no_fault"))


def soothing(p: Planting) -> None:
    """Three soothing replies and nothing done."""
    p.cut()
    for _ in range(3 if p.faulty else 1):
        p.say(p.words("soothe"))
        p.ask("And?" if p.language == "en" else "所以呢？")


def own(words: str) -> Mutator:
    """A sentence, in place of the agent's own reply, of which the control is another right sentence."""

    def plant(p: Planting) -> None:
        p.cut()
        p.say(p.words(words) if p.faulty else p.right("no_fault"))

    return plant


MUTATORS: Final[dict[str, Mutator]] = {
    "COMP.over_promise": sentence("over_promise"),
    "COMP.privacy_disclosure": sentence("privacy_disclosure"),
    "COMP.abusive_language": sentence("abusive_language"),
    "COMP.prohibited_advice": own("prohibited_advice"),
    "COMP.steering_off_platform": sentence("steering_off_platform"),
    "SOL.irreversible_without_precondition": refund_too_early,
    "SOL.wrong_amount": wrong_amount,
    "PAY.due_compensation_not_offered": due_not_offered,
    "PAY.compensation_signal_ignored": signal_ignored,
    "PAY.over_limit": over_limit,
    "PAY.paid_twice": paid_twice,
    "ACT.said_not_called": said_not_called,
    "ACT.called_not_said": called_not_said,
    "ACT.wrong_tool_or_arguments": wrong_arguments,
    "ACT.failed_or_repeated_call_ignored": failure_ignored,
    "INQ.already_given_by_user": asked_again,
    "INQ.already_in_signals": asked_what_is_known,
    "INQ.identity_verified_again": verified_again,
    "HAL.fabricated_status": false_status,
    "HAL.fabricated_policy": own("fabricated_policy"),
    "HAL.ungrounded_time_promise": promise,
    "REP.verbatim": verbatim,
    "REP.soothing_loop": soothing,
    "PROC.mandatory_step_skipped": step_skipped,
    "PROC.closed_or_transferred_too_early": closed_early,
    "EXP.no_empathy": own("no_empathy"),
    "EXP.template_leak_format_language": sentence("template_leak_format_language"),
}

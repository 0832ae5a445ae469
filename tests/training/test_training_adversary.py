"""The adversary: off unless asked for, learns what sets outputs apart, and pulls with the planned strength."""

import dataclasses

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")

from toy_training import TOY, toy_corpus, toy_plan  # noqa: E402

from lamina.models.network.network import CodecNetwork  # noqa: E402
from lamina.models.training.adversary import Adversary, AdversaryPlan  # noqa: E402
from lamina.models.training.parallel import Workers  # noqa: E402
from lamina.models.training.trainer import Trainer  # noqa: E402

SAMPLES = 4096


def sines(count):
    pitch, phase = torch.rand(2, count, 1)
    return 0.3 * torch.sin(2 * torch.pi * ((100 + 2000 * pitch) * torch.arange(SAMPLES) / 24_000 + phase))


@pytest.mark.parametrize("waveform", [False, True])
def test_discriminators_learn_to_tell_noise_from_sines(waveform):
    torch.manual_seed(0)
    adversary = Adversary(AdversaryPlan(channels=4, waveform=waveform, learning_rate=2e-3), Workers("cpu"))
    assert len(adversary.judges) == (6 if waveform else 3)
    losses = [float(adversary.learn(sines(4), torch.randn(4, SAMPLES) * 0.2)) for _ in range(40)]
    assert losses[0] > 1.7 and losses[-1] < 1.0
    for judge in adversary.judges:
        with torch.no_grad():
            assert judge(sines(8))[0].mean() > judge(torch.randn(8, SAMPLES) * 0.2)[0].mean() + 0.5


def test_the_lesson_is_smallest_where_output_and_target_are_the_same():
    torch.manual_seed(0)
    adversary = Adversary(AdversaryPlan(channels=4, waveform=True), Workers("cpu"))
    target, noise = sines(4), torch.randn(4, SAMPLES) * 0.2
    for _ in range(20):
        adversary.learn(target, noise)
    lessons = [float(adversary.lesson(target, target + amount * noise).detach()) for amount in (0.0, 0.2, 1.0)]
    assert lessons[0] < lessons[1] < lessons[2]
    # What is left at equality is the hinge alone: no feature differs.
    same = dataclasses.replace(adversary.plan, feature_matching=0.0)
    adversary.plan, with_features = same, lessons[0]
    assert float(adversary.lesson(target, target).detach()) == pytest.approx(with_features)


def test_a_quiet_crop_is_judged_like_a_loud_one():
    torch.manual_seed(0)
    adversary = Adversary(AdversaryPlan(channels=4, waveform=True), Workers("cpu"))
    x = sines(2)
    for judge in adversary.judges:
        assert torch.allclose(judge(x)[0], judge(x * 0.1)[0], atol=2e-3)


def gradients(adversary_plan, folder, steps):
    """The gradient at the output of the step after `steps`, and the parts of the loss."""
    torch.manual_seed(0)
    trainer = Trainer(CodecNetwork(TOY), toy_corpus(), toy_plan(max_steps=100, adversary=adversary_plan), folder)
    seen = {}
    gradient_at_output = trainer._gradient_at_output

    def look(*arguments):
        state = torch.get_rng_state()
        seen["gradient"], seen["parts"] = gradient_at_output(*arguments)
        torch.set_rng_state(state)
        adversary, trainer.adversary = trainer.adversary, None
        seen["without"] = gradient_at_output(*arguments)[0]
        trainer.adversary = adversary
        return seen["gradient"], seen["parts"]

    trainer._gradient_at_output = look
    for _ in range(steps + 1):
        trainer._step(TOY)
    return trainer, seen


def test_it_is_off_by_default(tmp_path):
    trainer, seen = gradients(AdversaryPlan(), tmp_path, 2)
    assert trainer.adversary is None and "lesson" not in seen["parts"]
    assert torch.equal(seen["gradient"], seen["without"])


@pytest.mark.parametrize(("strength", "judged"), [(0.25, 1.0), (1.0, 1.0), (0.5, 0.5)])
def test_it_pulls_at_what_it_judges_with_the_planned_strength_once_it_has_learnt(tmp_path, strength, judged):
    plan = AdversaryPlan(start=0.0, warm_up_steps=2, channels=4, strength=strength, judged=judged)
    _, early = gradients(plan, tmp_path, 1)
    assert (
        torch.equal(early["gradient"], early["without"])
        and "discriminators" in early["parts"]
        and "lesson" not in early["parts"]
    )
    _, late = gradients(plan, tmp_path, 3)
    assert "lesson" in late["parts"]
    pull = late["gradient"] - late["without"]
    pulled = pull.abs().amax(1) > 0
    assert int(pulled.sum()) == round(2 * judged)
    assert float(pull[pulled].norm() / late["without"][pulled].norm()) == pytest.approx(strength, rel=1e-3)


def test_it_waits_for_its_share_of_the_run(tmp_path):
    _, seen = gradients(AdversaryPlan(start=0.03, warm_up_steps=0, channels=4), tmp_path, 2)
    assert "discriminators" not in seen["parts"]
    _, seen = gradients(AdversaryPlan(start=0.03, warm_up_steps=0, channels=4), tmp_path, 3)
    assert "discriminators" in seen["parts"]

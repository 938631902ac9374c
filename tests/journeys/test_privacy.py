"""`/privacy`: what anyone sees and decides about their own words, and that nobody else's are touched by it."""

from __future__ import annotations

import json

import pytest
import simcord

from bot.introduction import NOTHING_NEW, OPTED_OUT
from bot.runtime import open_services
from playground.model import LittleModel
from storage import open_store
from storage.records import Extent, Overrides, Place
from tests.journeys.conftest import MakeSettings, World, living
from tests.journeys.shown import files_of, prompt_of, shown_last, text_of


async def asked_of(world: World, channel: simcord.ChannelHandle | None = None) -> str:
    """All that the model would see of a channel."""
    shown = await world.marlin.slash(channel or world.channel, "memory prompt")
    return json.dumps(await prompt_of(shown)) if (await files_of(shown)) else ""


async def says(
    world: World, actor: simcord.MemberActor, text: str, channel: simcord.ChannelHandle | None = None
) -> None:
    await actor.send(channel or world.channel, f"{world.mention} {text}")


async def about(result: simcord.InteractionResult) -> dict[str, object]:
    return json.loads((await files_of(result))["about-me.json"])  # type: ignore[no-any-return]


async def texts_about(actor: simcord.MemberActor, channel: simcord.ChannelHandle, **where: str) -> list[str]:
    """What `/privacy me` says that its caller said."""
    told = await about(await actor.slash(channel, "privacy me", **where))
    return [message["text"] for message in told["messages"]]  # type: ignore[attr-defined]


async def test_me_is_ones_own_words_here_as_a_file_for_the_caller_alone(world: World) -> None:
    await says(world, world.nemo, "My favorite is the kelp.")
    await says(world, world.marlin, "Mine is the coral.")
    result = await world.nemo.slash(world.channel, "privacy me")
    assert result.ephemeral
    told = await about(result)
    assert told["user_id"] == str(world.nemo.id)
    [message] = told["messages"]  # type: ignore[misc]
    assert message["text"] == "My favorite is the kelp."
    assert message["channel_id"] == str(world.channel.id)
    assert not message["put_away_by_a_reset"]
    [day] = told["tokens_of_replies_to_you"]  # type: ignore[misc]
    assert day["replies"] == 1
    assert "coral" not in json.dumps(told)


async def test_me_of_the_server_is_all_its_channels_and_no_other_server(world: World) -> None:
    reef, other = world.guild.create_text_channel("reef"), world.env.create_guild()
    away = other.create_text_channel("away")
    nemo_away = other.add_member(world.nemo.user)
    for channel, actor, text in (
        (world.channel, world.nemo, "one"),
        (reef, world.nemo, "two"),
        (away, nemo_away, "three"),
    ):
        await says(world, actor, text, channel)
    assert await texts_about(world.nemo, world.channel) == ["one"]
    assert await texts_about(world.nemo, world.channel, where="server") == ["one", "two"]
    assert await texts_about(nemo_away, away, where="server") == ["three"]


async def test_me_tells_what_a_reset_put_away(world: World) -> None:
    await says(world, world.marlin, "Mine is the coral.")
    await world.marlin.click(shown_last(await world.marlin.slash(world.channel, "memory reset")), label="Start afresh")
    told = await about(await world.marlin.slash(world.channel, "privacy me"))
    assert [message["put_away_by_a_reset"] for message in told["messages"]] == [True]  # type: ignore[attr-defined]


async def test_who_said_nothing_is_told_so(world: World) -> None:
    await says(world, world.marlin, "Mine is the coral.")
    assert "nothing about you" in text_of(await world.nemo.slash(world.channel, "privacy me"))
    assert "nothing in this channel" in text_of(await world.nemo.slash(world.channel, "privacy forget-me"))
    nothing = await world.nemo.slash(world.channel, "privacy forget-me", where="server")
    assert "nothing in this server" in text_of(nothing)
    assert "did not opt out" in text_of(await world.nemo.slash(world.channel, "privacy opt-in"))


async def test_forget_me_forgets_ones_own_words_and_their_replies_in_this_channel(world: World) -> None:
    reef = world.guild.create_text_channel("reef")
    await says(world, world.nemo, "My favorite is the kelp.")
    await says(world, world.nemo, "My favorite is the kelp.", reef)
    await says(world, world.marlin, "Mine is the coral.")
    forgotten = await world.nemo.slash(world.channel, "privacy forget-me")
    assert forgotten.ephemeral
    assert "1 message of yours in this channel" in text_of(forgotten)
    here = await asked_of(world)
    assert "kelp" not in here
    assert "coral" in here
    assert "kelp" in await asked_of(world, reef)
    shown = text_of(await world.marlin.slash(world.channel, "memory show"))
    assert "**Messages** 2" in shown, "Nemo's message is gone with its reply"


async def test_forget_me_in_the_whole_server_asks_first(world: World) -> None:
    reef = world.guild.create_text_channel("reef")
    for channel in (world.channel, reef):
        await says(world, world.nemo, "My favorite is the kelp.", channel)
        await says(world, world.marlin, "Mine is the coral.", channel)
    question = await world.nemo.slash(world.channel, "privacy forget-me", where="server")
    assert question.ephemeral
    assert "2 messages of yours" in text_of(question)
    assert "kelp" in await asked_of(world, reef), "nothing happened yet"
    done = await world.nemo.click(shown_last(question), label="Forget me here")
    assert "2 messages of yours in this server" in text_of(done)
    for channel in (world.channel, reef):
        prompt = await asked_of(world, channel)
        assert "kelp" not in prompt
        assert "coral" in prompt


async def test_what_a_reset_put_away_is_forgotten_too(world: World) -> None:
    await says(world, world.marlin, "Mine is the coral.")
    await world.marlin.click(shown_last(await world.marlin.slash(world.channel, "memory reset")), label="Start afresh")
    await world.marlin.slash(world.channel, "privacy forget-me")
    assert "coral" not in await asked_of(world)
    await world.marlin.slash(world.channel, "memory restore")
    assert "coral" not in await asked_of(world)


async def opt_out(world: World, actor: simcord.MemberActor) -> str:
    question = await actor.slash(world.channel, "privacy opt-out")
    assert question.ephemeral
    return text_of(await actor.click(shown_last(question), label="Opt out and forget me"))


async def test_who_opts_out_is_not_stored_not_sent_and_told_once(world: World, model: LittleModel) -> None:
    await says(world, world.nemo, "My favorite is the kelp.")
    assert "forgot 1 message of yours" in await opt_out(world, world.nemo)
    replies = len(world.replies())
    for number in range(3):
        await says(world, world.nemo, f"My secret is the wreck, {number}.")
    assert world.replies()[replies:] == [OPTED_OUT]
    await says(world, world.marlin, "What do you know?")
    assert "kelp" not in world.last()
    prompt = await asked_of(world)
    assert "wreck" not in prompt
    assert "kelp" not in prompt
    told = await about(await world.nemo.slash(world.channel, "privacy me"))
    assert (told["opted_out"], told["messages"]) == (True, [])
    assert "opted out already" in text_of(await world.nemo.slash(world.channel, "privacy opt-out"))


async def test_an_edit_of_who_opted_out_is_not_taken_in(world: World) -> None:
    said = await world.nemo.send(world.channel, f"{world.mention} My favorite is the kelp.")
    await opt_out(world, world.nemo)
    await world.nemo.edit(said, content=f"{world.mention} My favorite is the wreck.")
    prompt = await asked_of(world)
    assert "kelp" not in prompt
    assert "wreck" not in prompt


async def test_it_holds_everywhere_and_for_nobody_else(world: World) -> None:
    other = world.env.create_guild()
    away = other.create_text_channel("away")
    nemo_away = other.add_member(world.nemo.user)
    await says(world, nemo_away, "My favorite is the kelp.", away)
    await opt_out(world, world.nemo)
    await says(world, nemo_away, "My secret is the wreck.", away)
    await world.nemo.send_dm("My secret is the wreck.")
    told = await about(await nemo_away.slash(away, "privacy me", where="server"))
    assert told["messages"] == []
    assert world.replies(away)[-1] == OPTED_OUT
    await says(world, world.marlin, "Mine is the coral.")
    assert "coral" in await asked_of(world)


async def test_opting_in_begins_anew(world: World) -> None:
    await says(world, world.nemo, "My favorite is the kelp.")
    await opt_out(world, world.nemo)
    assert "remember what you say to me again" in text_of(await world.nemo.slash(world.channel, "privacy opt-in"))
    await says(world, world.nemo, "My favorite is the wreck.")
    prompt = await asked_of(world)
    assert "kelp" not in prompt
    assert "wreck" in prompt
    await opt_out(world, world.nemo)
    await says(world, world.nemo, "Hello?")
    assert world.replies()[-1] == OPTED_OUT, "who opts out again is told again"


async def test_an_opt_out_that_died_halfway_is_finished_at_the_next_start(make_settings: MakeSettings) -> None:
    settings = make_settings()
    async with living(settings) as world:
        nemo = world.nemo.id
        await says(world, world.nemo, "My favorite is the kelp.")
    async with open_store(settings.database_url) as store:
        await store.opt_out(nemo, now=0)
        assert await store.count_by(nemo, Extent()) == 1
    async with open_services(settings) as (services, _):
        assert services.privacy.has_opted_out(nemo)
        assert await services.privacy.count(nemo, Extent()) == 0


async def test_who_only_listens_does_not_store_who_opted_out(make_settings: MakeSettings) -> None:
    async with living(make_settings(reply_mode="listen")) as world:
        await opt_out(world, world.nemo)
        await world.nemo.send(world.channel, "My secret is the wreck.")
        await world.marlin.send(world.channel, "Mine is the coral.")
        assert world.replies() == []
        prompt = await asked_of(world)
        assert "coral" in prompt
        assert "wreck" not in prompt


async def test_who_is_not_spoken_to_gets_no_word_where_everything_is_answered(make_settings: MakeSettings) -> None:
    async with living(make_settings(reply_mode="all")) as world:
        await opt_out(world, world.nemo)
        await world.nemo.send(world.channel, "Marlin, see you at five.")
        world.env.backend.create_message(
            world.channel.id, world.marlin.id, "", embeds=[{"type": "rich", "title": "Words"}]
        )
        await world.env.settle()
        assert world.replies() == []
        await world.nemo.send(world.channel, f"{world.mention} And you?")
        assert world.replies() == [OPTED_OUT], "the word is kept for when he speaks to the bot"


async def test_in_a_direct_message_too(world: World) -> None:
    await world.nemo.send_dm("My favorite is the kelp.")
    told = await about(await world.nemo.user.slash("privacy me", where="server"))
    assert [message["text"] for message in told["messages"]] == ["My favorite is the kelp."]  # type: ignore[attr-defined]
    forgotten = text_of(await world.nemo.user.slash("privacy forget-me"))
    assert "1 message of yours in this conversation" in forgotten
    policy = text_of(await world.nemo.user.slash("privacy policy"))
    assert "I remember what you write here" in policy
    assert "message history" not in policy, "nobody else reads it"
    assert "what you pin" in policy
    assert "what you ask me about" in policy
    assert "moderators" not in policy


async def test_who_opted_out_is_offered_nothing_that_is_refused(world: World, model: LittleModel) -> None:
    await opt_out(world, world.nemo)
    text = text_of(await world.nemo.slash(world.channel, "help"))
    assert OPTED_OUT in text
    assert NOTHING_NEW in text
    for offered in ("Mention ", "Ask about this", "`/thread`", "Stop while", "I remember what is said to me"):
        assert offered not in text
    assert "Forget this" in text
    calls = len(model.requests)
    assert text_of(await world.nemo.slash(world.channel, "thread")) == OPTED_OUT
    assert world.channel.threads == []
    assert len(model.requests) == calls
    assert NOTHING_NEW in text_of(await world.nemo.slash(world.channel, "privacy policy"))
    assert OPTED_OUT in text_of(await world.nemo.user.slash("help"))
    assert "Mention " in text_of(await world.marlin.slash(world.channel, "help"))


async def test_where_nobody_is_heard_help_and_policy_do_not_claim_to_remember(make_settings: MakeSettings) -> None:
    async with living(make_settings(reply_mode="listen")) as world:
        governance = world.bot.services.governance
        claim = "I remember every message of a person"
        for command in ("help", "privacy policy"):
            assert claim in text_of(await world.nemo.slash(world.channel, command))
        await governance.set_access(world.guild.id, block_user=frozenset({world.nemo.id}))
        await says_nothing_new(world, world.nemo)
        assert claim in text_of(await world.marlin.slash(world.channel, "privacy policy"))
        await governance.set_channel(Place(world.channel.id, world.guild.id), is_on=False)
        await says_nothing_new(world, world.marlin)


async def says_nothing_new(world: World, actor: simcord.MemberActor) -> None:
    for command in ("help", "privacy policy"):
        text = text_of(await actor.slash(world.channel, command))
        assert NOTHING_NEW in text
        assert "I remember every message of a person" not in text


@pytest.mark.parametrize(
    ("changes", "told", "untold"),
    [
        (
            {},
            [
                "what is said to me",
                "what moderators pin",
                "24 hours later",
                "`little-model` on the machine that I run on",
                "the images that the newest message brings",
            ],
            ["at most", "fails", "Summaries are", "you pin"],
        ),
        (
            {"reply_mode": "listen", "retention_days": 30},
            ["every message of a person", "30 days at most"],
            ["what is said to me"],
        ),
        ({"reset_grace_hours": 0}, ["deletes it at once"], ["hours later"]),
        ({"model_vision": "off"}, ["reads the part of this channel's memory that the policy shows."], ["images"]),
        (
            {
                "fallback_model": "spare",
                "fallback_base_url": "https://someone:secret@models.example.com/v1",
                "fallback_api_key": "sk-secret",
            },
            ["While that one fails, the model `spare` at `models.example.com` reads it instead"],
            ["secret", "someone"],
        ),
        ({"summary_model": "short"}, ["Summaries are written by the model `short` on the machine that I run on"], []),
    ],
)
async def test_the_policy_is_what_the_settings_say(
    make_settings: MakeSettings, changes: dict[str, object], told: list[str], untold: list[str]
) -> None:
    async with living(make_settings(**changes)) as world:
        result = await world.nemo.slash(world.channel, "privacy policy")
        assert result.ephemeral
        text = text_of(result)
        for words in told:
            assert words in text
        for words in untold:
            assert words not in text


async def test_the_policy_names_the_model_that_writes(make_settings: MakeSettings) -> None:
    settings = make_settings()
    place = Place(1, 7)
    async with open_store(settings.database_url) as store:
        await store.set_overrides(place, Overrides(model="other-model"), now=0)
    for allowed, name in (("other-model", "other-model"), ("little-model", "little-model")):
        async with open_services(settings.model_copy(update={"allowed_models": allowed})) as (services, _):
            holds = services.governance.holds(place)
            promised = services.privacy.promise.for_channel(holds, services.governance.models.of(holds))
            assert promised.model.model == name


async def test_the_policy_names_openai_where_nothing_else_is_set(make_settings: MakeSettings) -> None:
    settings = make_settings(openai_base_url=None, openai_api_key="sk-secret")
    async with living(settings) as world:
        assert "at `api.openai.com`" in text_of(await world.nemo.slash(world.channel, "privacy policy"))

"""`instructor` over the OpenAI and Anthropic packages, in its modes, against every upstream dialect."""

import anthropic
import instructor
import openai
from common import FORGETFUL, GATEWAY, KEY, PERSON, case, same
from pydantic import BaseModel


class Person(BaseModel):
    name: str
    age: int
    langs: list[str]


OPENAI = openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key=KEY, max_retries=0)
ANTHROPIC = anthropic.Anthropic(base_url=GATEWAY, api_key=KEY, max_retries=0)
ASK = [{"role": "user", "content": "who?"}]
MODES = {
    "openai tools": lambda: instructor.from_openai(OPENAI, mode=instructor.Mode.TOOLS),
    "openai json schema": lambda: instructor.from_openai(OPENAI, mode=instructor.Mode.JSON_SCHEMA),
    "anthropic tools": lambda: instructor.from_anthropic(ANTHROPIC, mode=instructor.Mode.ANTHROPIC_TOOLS),
}


def whole(make, target):
    person = make().create(model=target, messages=ASK, response_model=Person, max_retries=0, max_tokens=200)
    same(person.model_dump(), PERSON, "the person")


def partial(make, target):
    last = None
    for person in make().create_partial(model=target, messages=ASK, response_model=Person, max_retries=0, max_tokens=200):
        last = person
    same(last.model_dump(), PERSON, "the last person")


def completion(make, target):
    person, raw = make().create_with_completion(model=target, messages=ASK, response_model=Person, max_retries=0, max_tokens=200)
    same(person.model_dump(), PERSON, "the person")
    assert raw.usage, "no usage"


for mode, make in MODES.items():
    for name, check in {"whole": whole, "partial": partial, "with completion": completion}.items():
        for target in FORGETFUL:
            case(f"{mode} {name}", target, lambda make=make, check=check, target=target: check(make, target))

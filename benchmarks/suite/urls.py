"""One page: a form takes a note, and all notes are listed."""

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template import Context, Template
from django.urls import path

from benchmarks.notes.models import Note

PAGE = Template(
    "{{ user }}<form>{{ form }}</form><ul>"
    "{% for note in notes %}<li>{{ note.text|linebreaks }}"
    "{% for each in note.attachment_set.all %}{{ each.name }} {% endfor %}</li>{% endfor %}</ul>"
)


class NoteForm(forms.ModelForm):  # type: ignore[type-arg]
    """Takes a note."""

    class Meta:
        """Its one field."""

        model = Note
        fields = ("text",)


def notes(request: HttpRequest) -> HttpResponse:
    """Take a note, or list them."""
    form = NoteForm(request.POST or None)
    if form.is_valid():
        note = form.save()
        note.attachment_set.create(name="first")
        return HttpResponseRedirect("/")
    listed = Note.objects.order_by("-pk").prefetch_related("attachment_set")[:20]
    context = {"user": request.user, "form": form, "notes": listed}
    return HttpResponse(PAGE.render(Context(context)))


urlpatterns = [path("", notes)]

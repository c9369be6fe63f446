"""What visitors fill in."""

import uuid

from django import forms

from example_project.board.models import Comment, Note


class NoteForm(forms.ModelForm):
    """A new note. The token makes a form that is sent twice one note."""

    token = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

    class Meta:
        model = Note
        fields = ["text"]
        widgets = {"text": forms.TextInput(attrs={"autocomplete": "off"})}


class CommentForm(forms.ModelForm):
    """A new comment."""

    class Meta:
        model = Comment
        fields = ["text"]
        widgets = {"text": forms.TextInput(attrs={"autocomplete": "off"})}
